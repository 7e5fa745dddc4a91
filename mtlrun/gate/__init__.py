"""The gate: are the results of a study still what its lock file says?"""
