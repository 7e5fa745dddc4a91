"""Tests of paired differences."""
