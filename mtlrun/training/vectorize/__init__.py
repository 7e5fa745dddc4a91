"""From functions of one run to functions of all lanes."""
