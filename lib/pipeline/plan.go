package pipeline

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// A Given is an option as it was given on the command line. Value is "" for a switch.
type Given struct{ Name, Value string }

// A Request is a familiar command line, parsed.
type Request struct {
	Command string
	Options []Given  // in the order given
	Args    []string // session ids, or a file
	Rich    bool     // print for people where no format is named
}

// Misuse is a command line that asks for what does not go together.
type Misuse struct{ Problem, Advice string }

func (m *Misuse) Error() string { return m.Problem }

// ExitCode is 2: a bad option.
func (m *Misuse) ExitCode() int { return 2 }

// Hint says what to do instead, "" where there is nothing to say.
func (m *Misuse) Hint() string { return m.Advice }

// Plan returns the pipeline that does what is asked, and what there is to say about options that
// will have no effect. An error is a *Misuse.
func Plan(r Request) (p Pipeline, notes []string, err error) {
	command, ok := Find(r.Command)
	if !ok {
		return nil, nil, fmt.Errorf("unknown command %q", r.Command)
	}
	a := asked{Request: r, command: command}
	a.lastOnes()
	switch r.Command {
	case "search":
		return a.search()
	case "show":
		return a.printed(a.stage(show, r.Args...), "rich"), nil, nil
	case "show-events":
		return a.showEvents()
	case "bulk-update-state":
		return Pipeline{a.bulk()}, nil, nil
	}
	return Pipeline{a.stage(update, r.Args...)}, nil, nil
}

// asked is a request with what its command knows of its options.
type asked struct {
	Request
	command Command
}

// lastOnes drops what a later option of the same name overrules.
func (a *asked) lastOnes() {
	var kept []Given
	seen := map[string]bool{}
	for _, g := range slices.Backward(a.Options) {
		o, _ := a.command.option(g.Name)
		if !o.Many && seen[g.Name] {
			continue
		}
		seen[g.Name] = true
		kept = append(kept, g)
	}
	slices.Reverse(kept)
	a.Options = kept
}

func (a *asked) value(name string) (value string, given bool) {
	for _, g := range a.Options {
		if g.Name == name {
			return g.Value, true
		}
	}
	return "", false
}

func (a *asked) has(name string) bool {
	_, given := a.value(name)
	return given
}

// stage is the program with the options that belong to it, and args after them.
func (a *asked) stage(program string, args ...string) Stage {
	return Stage{Program: program, Args: append(a.options(program), operands(args)...)}
}

// options are the words for the options that the program takes.
func (a *asked) options(program string) (words []string) {
	for _, g := range a.Options {
		o, ok := a.command.option(g.Name)
		if !ok || o.To != nil && !slices.Contains(o.To, program) || g.Name == "output" {
			continue
		}
		value := g.Value
		if g.Name == "metrics" && a.has("output") {
			value = fileOf(value, program)
		}
		words = append(words, word(o, value)...)
	}
	return words
}

// fileOf gives each of several programs a file of its own: feed.prom becomes feed-search.prom.
func fileOf(file, program string) string {
	suffix := filepath.Ext(file)
	return strings.TrimSuffix(file, suffix) + strings.TrimPrefix(program, "sess") + suffix
}

func word(o Option, value string) []string {
	switch {
	case o.Value == "":
		return []string{"--" + o.Name}
	case strings.HasPrefix(value, "-"):
		return []string{"--" + o.Name + "=" + value}
	}
	return []string{"--" + o.Name, value}
}

// operands keeps arguments that begin with a dash from being taken for options.
func operands(args []string) []string {
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			return append([]string{"--"}, args...)
		}
	}
	return args
}

func (a *asked) search() (Pipeline, []string, error) {
	notes, err := a.destination()
	if err != nil {
		return nil, nil, err
	}
	first := a.stage(search)
	name, checkpointed := a.value("checkpoint")
	committed := checkpointed && !a.has("defer")
	switch {
	case a.has("count"):
		for _, other := range []string{"format", "output"} {
			if a.has(other) {
				return nil, nil, &Misuse{"--count and --" + other + " do not go together", "--count prints a number and nothing else"}
			}
		}
		return Pipeline{first}, notes, nil
	case a.has("output") && committed:
		first.Args = deferred(first.Args)
		sender := a.sender()
		if !a.has("ack") {
			sender.Args = slices.Insert(sender.Args, 0, "--ack")
		}
		last := a.commit(name)
		last.Silent = !a.has("ack")
		return Pipeline{first, sender, last}, notes, nil
	case a.has("output"):
		return Pipeline{first, a.sender()}, notes, nil
	}
	p := a.printed(first, "table")
	if committed && len(p) > 1 {
		if a.has("follow") {
			return nil, nil, &Misuse{"--follow and --checkpoint do not go with the format " + a.format("table") + ": a checkpoint is committed when the printing has ended",
				"--format json-lines commits as it goes, and so does --output"}
		}
		first.Args = deferred(first.Args)
		p = Pipeline{first, a.committedAfter(name, p[1])}
	}
	return p, notes, nil
}

func (a *asked) showEvents() (Pipeline, []string, error) {
	notes, err := a.destination()
	if err != nil {
		return nil, nil, err
	}
	first := a.stage(events, a.Args...)
	if a.has("output") {
		return Pipeline{first, a.sender()}, notes, nil
	}
	return a.printed(first, "table"), notes, nil
}

// destination checks what is asked about a syslog server.
func (a *asked) destination() (notes []string, err error) {
	if a.has("output") {
		if a.has("format") {
			return nil, &Misuse{"--output and --format do not go together", "--output sends JSON lines; --message changes what a syslog message looks like"}
		}
	}
	for _, g := range a.Options {
		o, _ := a.command.option(g.Name)
		switch {
		case a.has("output") && slices.Equal(o.To, []string{format}):
			notes = append(notes, "--"+g.Name+" has no effect with --output")
		case !a.has("output") && slices.Equal(o.To, []string{syslog}):
			notes = append(notes, "--"+g.Name+" has no effect without --output")
		}
	}
	return notes, nil
}

// sender is the stage that delivers to the syslog server.
func (a *asked) sender() Stage {
	address, _ := a.value("output")
	return a.stage(syslog, address)
}

// commit is the stage that records what was delivered.
func (a *asked) commit(name string) Stage {
	s := a.stage(checkpoint)
	s.Args = append([]string{"commit"}, append(s.Args, operands([]string{name})...)...)
	return s
}

// committedAfter is the stage that runs the formatter and records what it was given once it has
// ended well.
func (a *asked) committedAfter(name string, formatter Stage) Stage {
	s := a.commit(name)
	s.Args = append(s.Args, "--", formatter.Program)
	s.Args = append(s.Args, formatter.Args...)
	s.Runs = formatter.Program
	return s
}

// deferred puts --defer after the checkpoint's name.
func deferred(words []string) []string {
	for i, w := range words {
		switch {
		case w == "--checkpoint":
			return slices.Insert(words, i+2, "--defer")
		case strings.HasPrefix(w, "--checkpoint="):
			return slices.Insert(words, i+1, "--defer")
		}
	}
	return words
}

// printed adds the stage that prints what first finds, where one is needed.
func (a *asked) printed(first Stage, forPeople string) Pipeline {
	f := a.format(forPeople)
	if strings.EqualFold(f, "json-lines") {
		return Pipeline{first}
	}
	if !a.has("format") {
		a.Options = append([]Given{{"format", f}}, a.Options...)
	}
	if strings.EqualFold(f, "json-pretty") {
		a.Options = slices.DeleteFunc(a.Options, func(g Given) bool { return g.Name == "columns" })
	}
	return Pipeline{first, a.stage(format)}
}

// format is the one asked for, else the default: for people or for programs.
func (a *asked) format(forPeople string) string {
	if f, given := a.value("format"); given {
		return f
	}
	if a.Rich {
		return forPeople
	}
	return "json-lines"
}

// bulk is the stage that changes the state of what a file lists.
func (a *asked) bulk() Stage {
	s := a.stage(update)
	s.Args = append(s.Args, "--require-state")
	if file := a.Args[0]; file != "-" {
		s.Input = file
	}
	return s
}
