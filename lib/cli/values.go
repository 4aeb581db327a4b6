package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"sess/lib/suggest"
)

// optionValue names the option in the errors of its value.
type optionValue struct {
	kingpin.Value
	name string
}

func (v optionValue) Set(s string) error {
	err := v.Value.Set(s)
	if err == nil {
		return nil
	}
	var knows interface{ ExitCode() int }
	if !errors.As(err, &knows) {
		err = &coded{err: err, code: ExitUsage}
	}
	return Prefix("--"+v.name, err)
}

// IsCumulative tells kingpin whether the option may be repeated.
func (v optionValue) IsCumulative() bool {
	c, ok := v.Value.(interface{ IsCumulative() bool })
	return ok && c.IsCumulative()
}

func named(flag *kingpin.FlagClause, v kingpin.Value) {
	flag.SetValue(optionValue{v, flag.Model().Name})
}

// enum takes words of a vocabulary, in any letter case, and gives them as the vocabulary
// spells them.
type enum struct {
	words   *[]string
	allowed []string
	many    bool
	noun    string
	option  string // as it is typed
}

func (e enum) Set(s string) error {
	word, err := Word(e.noun, s, e.allowed)
	if err != nil && e.many {
		return Listed(e.option, s, err)
	}
	if err != nil {
		return err
	}
	if !e.many {
		*e.words = (*e.words)[:0]
	}
	*e.words = append(*e.words, word)
	return nil
}

func (e enum) String() string     { return strings.Join(*e.words, ",") }
func (e enum) IsCumulative() bool { return e.many }

// Word finds s among the allowed words, in any letter case. Where it is not among them the
// error is of exit 2 and tells what is allowed and what is nearest.
func Word(noun, s string, allowed []string) (string, error) {
	for _, w := range allowed {
		if strings.EqualFold(w, s) {
			return w, nil
		}
	}
	e := &coded{err: fmt.Errorf("unknown %s %q: it must be one of %s", noun, s, strings.Join(allowed, ", ")), code: ExitUsage}
	if near := suggest.Nearest(s, allowed); near != "" {
		e.hint = "did you mean " + near + "?"
	}
	return "", e
}

// Listed is err about the value of an option that may be repeated. Where the value is a list, as
// other programs take it, the hint says how several are written.
func Listed(option, value string, err error) error {
	var each []string
	for _, word := range strings.Split(value, ",") {
		if word = strings.TrimSpace(word); word != "" {
			each = append(each, option+" "+word)
		}
	}
	if len(each) < 2 {
		return err
	}
	return WithHint(err, "the option is given once for each: "+strings.Join(each, " "))
}

// EnumVar makes flag take one word of those allowed; noun is what errors call it.
func EnumVar(flag *kingpin.FlagClause, noun string, allowed ...string) *string {
	v := &single{enum{words: &[]string{}, allowed: allowed, noun: noun}, new(string)}
	named(flag, v)
	flag.HintOptions(allowed...)
	return v.word
}

type single struct {
	enum
	word *string
}

func (s *single) Set(v string) error {
	if err := s.enum.Set(v); err != nil {
		return err
	}
	*s.word = (*s.words)[0]
	return nil
}

func (s *single) String() string { return *s.word }

// EnumsVar makes flag take words of those allowed, as often as it is given.
func EnumsVar(flag *kingpin.FlagClause, noun string, allowed ...string) *[]string {
	words := &[]string{}
	named(flag, enum{words: words, allowed: allowed, many: true, noun: noun, option: "--" + flag.Model().Name})
	flag.HintOptions(allowed...)
	return words
}

// text takes any text but an empty one, which is what a script hands on that has misspelt a
// variable's name: as a filter it would mean everything.
type text struct {
	take func(string)
	many bool
}

func (t text) Set(s string) error {
	if strings.Trim(s, " ,") == "" {
		return WithHint(Usagef("the value is empty"), "is a variable not set? Leave the option out where it is not meant")
	}
	t.take(s)
	return nil
}

func (text) String() string       { return "" }
func (t text) IsCumulative() bool { return t.many }

// TextVar makes flag put a text that is not empty into word.
func TextVar(flag *kingpin.FlagClause, word *string) {
	named(flag, text{take: func(s string) { *word = s }})
}

// TextsVar makes flag add a text that is not empty to words, as often as it is given.
func TextsVar(flag *kingpin.FlagClause, words *[]string) {
	named(flag, text{take: func(s string) { *words = append(*words, s) }, many: true})
}

// count takes a whole number within bounds.
type count struct {
	n        *int
	min, max int
}

func (c count) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		return Usagef("%q is not a whole number", s)
	}
	if n < c.min || n > c.max {
		return Usagef("%d is out of range: it must be from %d to %d", n, c.min, c.max)
	}
	*c.n = n
	return nil
}

func (c count) String() string { return strconv.Itoa(*c.n) }

// CountVar makes flag take a whole number from min to max.
func CountVar(flag *kingpin.FlagClause, min, max int) *int {
	n := new(int)
	named(flag, count{n, min, max})
	return n
}

// Prefix names the option whose value err is about; exit code and hint stay err's.
func Prefix(option string, err error) error {
	e := &coded{err: fmt.Errorf("%s: %w", option, err), code: exitCode(err)}
	var helps interface{ Hint() string }
	if errors.As(err, &helps) {
		e.hint = helps.Hint()
	}
	return e
}
