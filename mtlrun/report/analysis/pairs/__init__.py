"""The paired differences that rows rest on."""
