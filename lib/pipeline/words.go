package pipeline

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Words rewrites a command line so that each option stands in one word, --name=value, and the
// arguments stand at the end, after "--". It follows the vendor CLI's rules where a usual parser
// has others: the word after an option is its value even where it begins with a dash, "-" is an
// argument, and --ignore-cert-validation may be followed by true or false. What it does not
// know it leaves for the parser to complain of.
func Words(args []string) []string {
	var (
		global, options, rest []string
		command               Command
		found                 bool
	)
	take := &global
	for i := 0; i < len(args); i++ {
		word := args[i]
		switch {
		case word == "--":
			rest = append(rest, args[i+1:]...)
			i = len(args)
		case !found && (!strings.HasPrefix(word, "-") || word == "-"):
			if command, found = Find(word); !found {
				return args
			}
			options = append(options, word)
			take = &options
		case word == "-" || !strings.HasPrefix(word, "-"):
			rest = append(rest, word)
		default:
			joined, next := command.join(word, args[i+1:])
			*take = append(*take, joined...)
			i += next
		}
	}
	if !found {
		return args
	}
	out := slices.Concat(lastOfEach(global), options)
	if len(rest) > 0 {
		out = append(append(out, "--"), rest...)
	}
	return out
}

// lastOfEach leaves the last one of the options that are given more than once.
func lastOfEach(words []string) (kept []string) {
	seen := map[string]bool{}
	for _, w := range slices.Backward(words) {
		name, _, _ := strings.Cut(w, "=")
		if !seen[name] {
			kept = append(kept, w)
		}
		seen[name] = true
	}
	slices.Reverse(kept)
	return kept
}

// join makes one word of an option and its value, and tells how many of the next words it took.
func (c Command) join(word string, next []string) (joined []string, took int) {
	if !strings.HasPrefix(word, "--") {
		return c.joinShort(word, next)
	}
	name, value, hasValue := strings.Cut(word[2:], "=")
	o, ok := c.option(name)
	switch {
	case !ok:
		return []string{word}, 0
	case name == ignoreCerts:
		if !hasValue && len(next) > 0 {
			if _, isTruth := truth(next[0]); isTruth {
				value, hasValue, took = next[0], true, 1
			}
		}
		on, isTruth := truth(value)
		switch {
		case !hasValue || isTruth && on:
			return []string{"--" + name}, took
		case isTruth:
			return nil, took
		}
		return []string{word}, 0
	case o.Value == "" || hasValue || len(next) == 0:
		return []string{word}, 0
	}
	return []string{"--" + name + "=" + next[0]}, 1
}

func (c Command) joinShort(word string, next []string) ([]string, int) {
	letter, size := utf8.DecodeRuneInString(word[1:])
	o, ok := c.short(letter)
	if !ok || o.Value == "" {
		return []string{word}, 0
	}
	if attached := word[1+size:]; attached != "" {
		return []string{"--" + o.Name + "=" + attached}, 0
	}
	if len(next) == 0 {
		return []string{word}, 0
	}
	return []string{"--" + o.Name + "=" + next[0]}, 1
}

const ignoreCerts = "ignore-cert-validation"

// truth reads the words that the vendor's CLI takes for yes and no.
func truth(word string) (on, ok bool) {
	switch strings.ToLower(word) {
	case "true", "t", "yes", "y", "on", "1":
		return true, true
	case "false", "f", "no", "n", "off", "0":
		return false, true
	}
	return false, false
}
