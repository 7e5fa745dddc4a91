"""What a bug report needs to say of the machine, the installation and the store: `mtlrun doctor`."""
