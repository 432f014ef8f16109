"""`rollwatch notify test`: marked alerts through the real routes, and who took them."""
