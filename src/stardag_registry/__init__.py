"""The registry: the server that organizations, workspaces and target roots are kept on."""
