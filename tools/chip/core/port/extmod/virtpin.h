// Not in the sdist, and included by the core for nothing that is on here.
