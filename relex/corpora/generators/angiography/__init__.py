"""Generated angiography reports in the form of casmed."""
