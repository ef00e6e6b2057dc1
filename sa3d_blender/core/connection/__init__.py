"""Starting the engine as a process and talking to it in lines of JSON."""
