#!/bin/sh
# Written by derp-setup {{version}}: the installed programs, with the Node that they were installed with.
exec {{node}} {{program}} "$@"
