#!/bin/sh
# Written by derp-setup 1.2.3: the installed programs, with the Node that they were installed with.
exec /usr/bin/node /usr/local/lib/derp-setup/current/bin/derp-setup.cjs "$@"
