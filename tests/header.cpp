// Nothing: the target test_header exists for its precompiled header.
