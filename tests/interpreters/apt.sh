# Packages of any Debian release without touching the machine's own apt: lists, cache and state are private,
# only how to reach the network (proxies and the like) and the mirror are taken from the machine's
# configuration. Signatures are checked as always. Sourced by the kinds that need packages.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror that the machine uses, then where releases go in the end.
mirrors() {
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1
	echo http://deb.debian.org/debian
	echo http://archive.debian.org/debian
}

# apt_in KEY COMMAND...: an apt command with the private configuration of KEY, one at a time.
apt_in() (
	exec 9> "$base/.lock/use-$1"
	flock 9
	export APT_CONFIG="$run/$1/apt.conf"
	shift
	"$@" 9>&-
)

# fetch_index SUITE ARCH: the list of packages of one release for one architecture ("source": of sources).
# No hooks of the machine's configuration run, for its files are not read.
fetch_index() {
	dir=$run/$1-$2
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	: > "$dir/status"
	type=deb native=$2
	if [ "$2" = source ]; then
		type=deb-src native=amd64
	fi
	apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets' > "$dir/apt.conf"
	cat >> "$dir/apt.conf" <<-END
		Dir::Etc::main "/dev/null";
		Dir::Etc::parts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::State "$dir";
		Dir::State::lists "$dir/lists";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		APT::Architecture "$native";
		APT::Architectures { "$native"; };
		APT::Install-Recommends "false";
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
		Acquire::Retries "3";
	END
	for mirror in $(mirrors | awk '!seen[$0]++'); do
		echo "$type [signed-by=$keyring] $mirror $1 main" > "$dir/sources.list"
		apt_in "$1-$2" apt-get update -q --error-on=any && return 0
	done
	return 1
}

need_apt() {
	for tool in apt-get dpkg-deb readelf; do
		command -v $tool > /dev/null || absent "$tool is not installed"
	done
	[ -r $keyring ] || absent "$keyring is not there (package debian-archive-keyring)"
}

# need_index SUITE ARCH
need_index() {
	once "$1-$2" fetch_index "$1" "$2"
}

# fetch_debs SUITE ARCH DIRECTORY PACKAGE...: the packages, and what of their dependencies an
# interpreter is linked with, as .deb files.
fetch_debs() (
	key=$1-$2
	mkdir -p "$3" && cd "$3" || exit 1
	shift 3
	names=$(apt_in "$key" apt-get install -y -qq --print-uris "$@" | sed -n "s/^'[^']*' \([^_]*\)_.*/\1/p")
	set --
	for package in $names; do
		case $package in
		python* | libpython* | libc6 | libgcc-s1 | libcrypt1 | zlib1g* | libssl* | libffi* | libsqlite3* | \
			libexpat1 | libbz2* | liblzma5 | libzstd1 | libuuid1 | libmpdec* | libncurses* | libtinfo6 | \
			libreadline8* | libdb5* | libgdbm* | musl*)
			set -- "$@" "$package"
			;;
		esac
	done
	[ $# -gt 0 ] && apt_in "$key" apt-get download -q "$@"
)

# unpack ROOT DEB...: their files without what no interpreter needs to run. /lib, /bin and the like are
# links into /usr in every root, whatever the release.
unpack() {
	root=$1
	shift
	for d in bin sbin lib lib64; do
		mkdir -p "$root/usr/$d"
		[ -L "$root/$d" ] || ln -s usr/$d "$root/$d"
	done
	for deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink --no-same-owner \
			--exclude='./usr/share/*' --exclude='./usr/lib/*/gconv' --exclude='./usr/lib/python*/config-*' \
			--exclude='./usr/lib/*/libpython*' || return 1
	done
}
