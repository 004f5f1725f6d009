#!/bin/sh
# Writes a note into the folder that steps start in, and shows it.
#   $1  the user that the step asks for, or nothing   $2  name of the file   $3  what to write
set -eu
printf '%s, on %s\n' "$3" "$(date -u '+%Y-%m-%d at %H:%M:%S UTC')" > "$2"
cat "$2"
