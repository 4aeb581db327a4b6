#!/bin/sh
# Writes the man pages and the completions of the tools in BIN, made by the tools themselves, to
# where a system looks for them below SHARE.
#
#	packaging/pages.sh BIN SHARE
set -eu
bin=$1 share=$2
mkdir -p "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
for dir in "$(dirname "$0")"/../cmd/*/; do
	tool=$(basename "$dir")
	"$bin/$tool" --help-man >"$share/man/man1/$tool.1"
	"$bin/$tool" --completion-script-bash >"$share/bash-completion/completions/$tool"
	"$bin/$tool" --completion-script-zsh >"$share/zsh/site-functions/_$tool"
	"$bin/$tool" --completion-script-fish >"$share/fish/vendor_completions.d/$tool.fish"
done
