#!/bin/sh
# `make install` puts everything below DESTDIR and PREFIX, `make uninstall` takes it away again.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MAKELEVEL
"${MAKE:-make}" -s install VARIANT="$VARIANT" CC="$CC" DESTDIR="$tmp" PREFIX=/opt/x || exit 1
for f in bin/memscan share/bash-completion/completions/memscan share/zsh/site-functions/_memscan \
	share/fish/vendor_completions.d/memscan.fish $(cd man && ls *.1 2> /dev/null | sed 's,^,share/man/man1/,') \
	$(cd man && ls *.5 2> /dev/null | sed 's,^,share/man/man5/,') \
	$(cd man && ls *.7 2> /dev/null | sed 's,^,share/man/man7/,'); do
	[ -s "$tmp/opt/x/$f" ] || { echo "$f was not installed"; exit 1; }
done
[ "$(ls "$tmp")" = opt ] || { echo "something was installed outside of PREFIX"; exit 1; }
"$tmp/opt/x/bin/memscan" --version > /dev/null || { echo "the installed program does not run"; exit 1; }
"${MAKE:-make}" -s uninstall DESTDIR="$tmp" PREFIX=/opt/x || exit 1
left=$(find "$tmp" -type f)
[ -z "$left" ] || { echo "uninstall left $left"; exit 1; }
