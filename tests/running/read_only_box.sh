#!/bin/sh
# Run a command as a container does that is run with care: as nobody, without capabilities, on
# file systems that are read-only. Needs root, or a kernel that lets users have a mount namespace.
# Used by test_container.py.
#
# NEEDED lists directories that the command needs, and CLOSED those above them that nobody may
# enter, like /root: there, only what is needed can be seen. STAGE is an empty directory.
set -e
stage=${STAGE:?}
mount -t tmpfs none "$stage"
number=0
for directory in $NEEDED; do
    number=$((number + 1))
    mkdir "$stage/$number"
    mount --bind "$directory" "$stage/$number"
done
for directory in $CLOSED; do mount -t tmpfs -o mode=755 none "$directory"; done
number=0
for directory in $NEEDED; do
    number=$((number + 1))
    mkdir -p "$directory"
    mount --move "$stage/$number" "$directory"
done
for point in $(cut -d' ' -f2 /proc/self/mounts); do
    case $point in
        /proc* | /sys* | /dev*) ;;
        *) mount -o remount,bind,ro "$point" ;;
    esac
done
exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
    --inh-caps=-all --bounding-set=-all "$@"
