"""Starting and stopping an installation: the embedded database, the roles, the migrations and the processes."""
