package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// Completion of options, values and commands. All three shells run the tool itself with
// --completion-words and the words typed so far, the last of them the one at the cursor, and get
// a line for each word that could stand there: the word, a tab and what it is. The one line
// "<files>" asks the shell for the names of files.

const files = "<files>"

// byproducts serves the hidden options that make man pages and completions. It tells whether the
// command line was one of them.
func (a *App) byproducts(args []string) bool {
	if len(args) == 0 {
		return false
	}
	switch args[0] {
	case "--help-man":
		a.writeManPage(a.Stdout)
	case "--completion-words":
		a.writeWords(a.Stdout, args[1:])
	case "--completion-script-bash":
		io.WriteString(a.Stdout, a.script(bashScript))
	case "--completion-script-zsh":
		io.WriteString(a.Stdout, a.script(zshScript))
	case "--completion-script-fish":
		io.WriteString(a.Stdout, a.script(fishScript))
	default:
		return false
	}
	return true
}

func (a *App) writeWords(w io.Writer, typed []string) {
	c := completer{app: a, model: a.Model()}
	for _, word := range c.complete(typed) {
		if word.help != "" {
			fmt.Fprintf(w, "%s\t%s\n", word.text, word.help)
		} else {
			fmt.Fprintln(w, word.text)
		}
	}
}

type candidate struct{ text, help string }

type completer struct {
	app     *App
	model   *kingpin.ApplicationModel
	command *kingpin.CmdModel // nil before it is typed
}

// complete finds what could stand in place of the last word.
func (c *completer) complete(typed []string) []candidate {
	words, split := rejoin(typed)
	if len(words) == 0 {
		words = []string{""}
	}
	current, before := words[len(words)-1], words[:len(words)-1]
	var waiting *kingpin.FlagModel // an option whose value comes next
	onlyArguments := false
	for _, w := range before {
		switch {
		case waiting != nil:
			waiting = nil
		case onlyArguments:
		case w == "--":
			onlyArguments = true
		case strings.HasPrefix(w, "-") && w != "-":
			waiting = c.takesNext(w)
		case c.command == nil && len(c.model.Commands) > 0:
			c.command = c.commandNamed(w)
		}
	}
	name, value, joined := strings.Cut(current, "=")
	switch {
	case waiting != nil:
		return c.values(waiting, current, "")
	case !onlyArguments && joined && strings.HasPrefix(name, "--"):
		f := c.flag(name[2:])
		if f == nil {
			return nil
		}
		before := name + "="
		if split {
			before = "" // bash replaces only what follows the =
		}
		return c.values(f, value, before)
	case !onlyArguments && strings.HasPrefix(current, "-"):
		return c.options(current)
	}
	return c.arguments(before, current)
}

// rejoin undoes bash, which hands over --option=value as three words.
func rejoin(typed []string) (words []string, split bool) {
	for i, w := range typed {
		n := len(words)
		switch {
		case w == "=" && n > 0 && strings.HasPrefix(words[n-1], "--"):
			words[n-1] += "="
			split = i == len(typed)-1
		case n > 0 && i > 0 && typed[i-1] == "=" && strings.HasSuffix(words[n-1], "="):
			words[n-1] += w
			split = i == len(typed)-1
		default:
			words = append(words, w)
			split = false
		}
	}
	return words, split
}

func (c *completer) flags() []*kingpin.FlagModel {
	flags := c.model.Flags
	if c.command != nil {
		flags = append(append([]*kingpin.FlagModel{}, c.command.Flags...), flags...)
	}
	return flags
}

func (c *completer) flag(name string) *kingpin.FlagModel {
	for _, f := range c.flags() {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// takesNext is the option that w is, where the next word is its value.
func (c *completer) takesNext(w string) *kingpin.FlagModel {
	for _, f := range c.flags() {
		if !f.IsBoolFlag() && (w == "--"+f.Name || f.Short != 0 && w == "-"+string(f.Short)) {
			return f
		}
	}
	return nil
}

func (c *completer) commandNamed(name string) *kingpin.CmdModel {
	for _, m := range c.model.Commands {
		if m.Name == name {
			return m
		}
	}
	return nil
}

func (c *completer) options(prefix string) (found []candidate) {
	for _, f := range c.flags() {
		if !f.Hidden && strings.HasPrefix("--"+f.Name, prefix) {
			found = append(found, candidate{"--" + f.Name, firstSentence(f.Help)})
		}
	}
	return found
}

// values are those that an option may take; before is put in front of each. Of a list with
// commas the last one is completed.
func (c *completer) values(f *kingpin.FlagModel, prefix, before string) (found []candidate) {
	hints, _, _ := c.app.FlagCompletion(f.Name, "")
	if c.command != nil {
		if own, match, _ := c.app.GetCommand(c.command.Name).FlagCompletion(f.Name, ""); match {
			hints = own
		}
	}
	if len(hints) == 0 || c.isOptionList(hints) {
		if placeHolder(f) == "FILE" && before == "" {
			return []candidate{{files, ""}}
		}
		return nil
	}
	if i := strings.LastIndexByte(prefix, ','); i >= 0 && strings.Contains(placeHolder(f), ",") {
		before, prefix = before+prefix[:i+1], prefix[i+1:]
	}
	for _, h := range hints {
		if len(h) >= len(prefix) && strings.EqualFold(h[:len(prefix)], prefix) {
			found = append(found, candidate{before + h, ""})
		}
	}
	return found
}

// isOptionList tells kingpin's answer for an option that it does not know, which is all options.
func (c *completer) isOptionList(hints []string) bool { return strings.HasPrefix(hints[0], "--") }

// arguments are the commands, or what the next argument may be.
func (c *completer) arguments(before []string, prefix string) (found []candidate) {
	if c.command == nil && len(c.model.Commands) > 0 {
		for _, m := range c.model.Commands {
			if !m.Hidden && strings.HasPrefix(m.Name, prefix) {
				found = append(found, candidate{m.Name, firstSentence(m.Help)})
			}
		}
		return found
	}
	args := c.model.Args
	context, _ := c.app.ParseContext(before)
	hints := c.app.CmdCompletion
	if c.command != nil {
		args = c.command.Args
		hints = c.app.GetCommand(c.command.Name).CmdCompletion
	}
	if len(args) == 0 || context == nil {
		return nil
	}
	for _, h := range hints(context) {
		if strings.HasPrefix(h, prefix) {
			found = append(found, candidate{h, ""})
		}
	}
	if len(found) == 0 && strings.Contains(strings.ToUpper(args[len(args)-1].Name+args[len(args)-1].PlaceHolder), "FILE") {
		return []candidate{{files, ""}}
	}
	return found
}

func firstSentence(help string) string {
	for _, end := range []string{". ", "; ", " (", ": "} {
		if before, _, cut := strings.Cut(help, end); cut {
			help = before
		}
	}
	return strings.TrimSuffix(help, ".")
}

func (a *App) script(text string) string {
	function := strings.ReplaceAll(a.Name, "-", "_")
	return strings.NewReplacer("NAME", a.Name, "FUNCTION", function).Replace(text)
}

const bashScript = `# Completion of NAME for bash.
_FUNCTION() {
    local tool=${COMP_WORDS[0]} word
    [[ $tool == '~/'* ]] && tool=$HOME/${tool#'~/'}
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        if [[ $word == '<files>' ]]; then
            compopt -o filenames
            while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
            return
        fi
        COMPREPLY+=("$word")
    done < <("$tool" --completion-words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _FUNCTION NAME
`

const zshScript = `#compdef NAME
# Completion of NAME for zsh.
_NAME() {
    local line word
    local -a items
    while IFS= read -r line; do
        if [[ $line == '<files>' ]]; then
            _files
            return
        fi
        word=${line%%$'\t'*}
        word=${word//:/\\:}
        [[ $line == *$'\t'* ]] && word+=":${line#*$'\t'}"
        items+=("$word")
    done < <("${(e)~words[1]}" --completion-words "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    (( $#items )) && _describe NAME items
}
if [[ $funcstack[1] == _NAME ]]; then
    _NAME "$@"
else
    compdef _NAME NAME
fi
`

const fishScript = `# Completion of NAME for fish.
function __FUNCTION_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($typed[1] --completion-words $typed[2..-1] "$current" 2>/dev/null)
    if test "$found" = '<files>'
        __fish_complete_path $current
    else
        string join \n -- $found
    end
end
complete -c NAME -f -a '(__FUNCTION_complete)'
`
