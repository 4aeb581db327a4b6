#!/bin/sh
# Puts the tools of BIN, their man pages and their completions below PREFIX, or takes them away.
#
#	packaging/install.sh install BIN PREFIX
#	packaging/install.sh uninstall BIN PREFIX
set -eu
what=$1 bin=$2 prefix=$3
here=$(dirname "$0")
tools=$(for dir in "$here"/../cmd/*/; do basename "$dir"; done)

case $what in
install)
	mkdir -p "$prefix/bin"
	for tool in $tools; do
		# A new file and a rename, so that a tool that runs goes on with the old one.
		cp "$bin/$tool" "$prefix/bin/.$tool.new"
		chmod 755 "$prefix/bin/.$tool.new"
		mv -f "$prefix/bin/.$tool.new" "$prefix/bin/$tool"
	done
	sh "$here/pages.sh" "$bin" "$prefix/share"
	echo "installed: the tools in $prefix/bin, their man pages and completions below $prefix/share"
	case ${DESTDIR:+staged}:$PATH: in
	staged:* | *:"$prefix/bin":*) ;;
	*) echo "not on PATH yet: $prefix/bin" ;;
	esac
	;;
uninstall)
	for tool in $tools; do
		rm -f "$prefix/bin/$tool" "$prefix/share/man/man1/$tool.1" \
			"$prefix/share/bash-completion/completions/$tool" "$prefix/share/zsh/site-functions/_$tool" \
			"$prefix/share/fish/vendor_completions.d/$tool.fish"
	done
	;;
*)
	echo "usage: install.sh install|uninstall BIN PREFIX" >&2
	exit 2
	;;
esac
