"""The parts of the demo production, one file each; `registry` lists them."""
