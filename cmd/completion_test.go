package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// typed are command lines up to the cursor, and the words that a shell then offers.
var typed = []struct {
	line string
	want []string
}{
	{"sessions upd", []string{"update"}},
	{"sessions search --sta", []string{"--start", "--state"}},
	{"sessions search --state CLOSED_", []string{"CLOSED_FP", "CLOSED_TP", "CLOSED_TP_BENIGN"}},
	{"sessions search --severity M", []string{"MODERATE"}},
	{"sessions search -f js", []string{"json-lines", "json-pretty"}},
	{"sess-search --severity C", []string{"CRITICAL"}},
	{"sess-fmt --for", []string{"--format"}},
}

// Each shell loads our script as it loads any other, and is then asked what it would offer.

func TestCompletionInBash(t *testing.T) {
	wants(t, "bash")
	for _, c := range typed {
		script := `source <("$1" --completion-script-bash)
			COMP_WORDS=($2) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			shopt -u progcomp_alias 2>/dev/null
			spec=$(complete -p "$1"); [[ $spec =~ -F\ ([^ ]+) ]] && "${BASH_REMATCH[1]}"
			printf '%s\n' "${COMPREPLY[@]}"`
		name, _, _ := strings.Cut(c.line, " ")
		got := strings.Fields(command(t, "bash", "-c", script, "bash", name, c.line))
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("bash: %s: %q; want %q", c.line, got, c.want)
		}
	}
}

func TestCompletionInFish(t *testing.T) {
	wants(t, "fish")
	for _, c := range typed {
		name, _, _ := strings.Cut(c.line, " ")
		out := command(t, "fish", "--no-config", "-c", "$argv[1] --completion-script-fish | source; complete -C $argv[2]", name, c.line)
		var got []string
		for line := range strings.Lines(out) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			got = append(got, word)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("fish: %s: %q; want %q", c.line, got, c.want)
		}
	}
}

// zsh completes on a terminal only: one of its own is made, the keys typed, and the screen read.
func TestCompletionInZsh(t *testing.T) {
	wants(t, "zsh", "timeout")
	dir := t.TempDir()
	for _, name := range names(t) {
		script := command(t, filepath.Join(bin, name), "--completion-script-zsh")
		if err := os.WriteFile(filepath.Join(dir, "_"+name), []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The keys are sent once the editor waits for them, and it says so by its prompt.
	const ask = `zmodload zsh/zpty
		zpty z "COLUMNS=200 TERM=dumb zsh -f -i"
		zpty -w z "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; unsetopt menu_complete auto_menu; setopt auto_list; LISTMAX=9999; PS1='<rea''dy>'"
		zpty -r -m z line '*<ready>*' || exit 9
		zpty -w -n z "$2"$'\C-d'
		zpty -w -n z $'\C-u'$'\n'
		zpty -r -m z line '*<ready>*'
		print -r -- "$line"
		zpty -d z`
	for _, c := range typed {
		screen := command(t, "timeout", "60", "zsh", "-f", "-c", ask, "zsh", dir, c.line)
		screen = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`).ReplaceAllString(screen, " ")
		_, listed, _ := strings.Cut(screen, c.line)
		for _, word := range c.want {
			if !regexp.MustCompile(`(^|\s)` + regexp.QuoteMeta(word) + `(\s|$)`).MatchString(listed) {
				t.Errorf("zsh: %s: no %s on the screen:\n%s", c.line, word, screen)
			}
		}
	}
}
