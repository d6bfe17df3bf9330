"""What a team does at its registry: organizations, members, workspaces, target roots, API keys, builds and tasks."""
