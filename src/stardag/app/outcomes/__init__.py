"""What registries have not heard of builds: kept, and delivered later."""
