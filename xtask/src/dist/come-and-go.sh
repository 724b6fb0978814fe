# Installs, upgrades, removes and purges the package in an overlay over this host's files, which
# therefore do not change; the overlay shows what did. Run as root in a mount namespace of its own:
#   come-and-go.sh FOLDER PACKAGE CONFIG UNIT
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir up work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$PWD/up,workdir=$PWD/work" root
mount --rbind /dev root/dev
mount --rbind /sys root/sys
mount -t proc proc root/proc
cp "$2" root/observer.deb
there() {
    chroot root env PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

there dpkg --install /observer.deb
there observer --version
there observer list --config "$3" > /dev/null
# As installed, which is what holds without a file, and with all of its examples.
there observer agent --check > installed
sed -e 's/^#    //' -e 's/^#\([^ ]\)/\1/' "root$3" > root/all.toml
there observer agent --check --config /all.toml > all
: > root/all.toml
there observer agent --check --config /all.toml | cmp - installed
grep --quiet '^\[\[alert.sink\]\]' all
rm root/all.toml
there systemd-analyze verify --man=no "$4"
there systemctl is-enabled observer-agent.service
there man --where observer

echo '# changed' >> "root$3"
there dpkg --install --force-confold /observer.deb
grep --quiet '# changed' "root$3"

there dpkg --remove observer
grep --quiet '# changed' "root$3"
test ! -e root/usr/bin/observer

there dpkg --purge observer
rm root/observer.deb
find up -name '*observer*' ! -path 'up/var/lib/dpkg/*' > left
# Aside from dpkg's records, what its triggers keep and /run, nothing else may have changed either.
find up ! -type d ! -path 'up/run/*' \
    ! -path 'up/var/lib/dpkg/*' ! -path 'up/var/log/*' ! -path 'up/var/cache/*' >> left
if test -s left; then
    echo 'the package leaves behind:' >&2
    cat left >&2
    exit 1
fi
