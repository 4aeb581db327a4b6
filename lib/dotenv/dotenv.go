// Package dotenv finds what a setting is: in the process environment, else in one .env file, with
// names in any letter case. It does not know what the settings mean.
package dotenv

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/joho/godotenv"
)

// An Environment answers what a variable is set to: by the process environment, else by one
// .env file.
type Environment struct {
	process map[string]string
	file    map[string]string
	where   string // what was looked at, for people
}

// Load reads environ (NAME=VALUE, as of os.Environ) and one file: envFile, which
// then must exist, or else ./.env, or where that does not exist ~/.config/incydr/.env.
// Values in the file are taken as they stand: a $ in one is a $. Where the file cannot be read, the
// error is an *Unreadable, and the Environment is that of the process.
func Load(envFile string, environ []string) (*Environment, error) {
	e := &Environment{process: map[string]string{}, where: "the environment"}
	exact := map[string]bool{}
	for _, pair := range environ {
		name, value, ok := strings.Cut(pair, "=")
		upper := strings.ToUpper(name)
		// The very name wins over one in another letter case.
		if !ok || value == "" || exact[upper] {
			continue
		}
		exact[upper] = name == upper
		e.process[upper] = value
	}
	if envFile != "" {
		e.where += " and " + envFile
		return e, e.read(envFile)
	}
	candidates := []string{".env"}
	if home := e.Home(); home != "" {
		candidates = append(candidates, filepath.Join(home, ".config", "incydr", ".env"))
	}
	for _, path := range candidates {
		// A folder of that name is a virtual environment of Python's, and no settings.
		if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
			continue
		}
		e.where += " and " + path
		return e, e.read(path)
	}
	for _, path := range candidates {
		e.where += ", " + path
	}
	return e, nil
}

// Get returns what the variable is set to, and "" where it is not set or empty.
func (e *Environment) Get(name string) string {
	name = strings.ToUpper(name)
	if value := e.process[name]; value != "" {
		return value
	}
	return e.file[name]
}

// Where tells people what was looked at.
func (e *Environment) Where() string { return e.where }

// Home is the user's folder, "" where nobody knows.
func (e *Environment) Home() string {
	if home := e.process["HOME"]; home != "" {
		return home
	}
	return e.process["USERPROFILE"]
}

func (e *Environment) read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		var pathError *fs.PathError
		if errors.As(err, &pathError) {
			err = pathError.Err
		}
		return &Unreadable{Path: path, Err: err}
	}
	e.file, err = parse(text)
	if err != nil {
		return &Unreadable{Path: path, Err: err, Advice: "each line is NAME=VALUE"}
	}
	return nil
}

// An Unreadable is a file of settings that cannot be read.
type Unreadable struct {
	Path   string
	Err    error
	Advice string // what to do, or ""
}

func (e *Unreadable) Error() string { return fmt.Sprintf("read settings from %s: %v", e.Path, e.Err) }
func (e *Unreadable) Unwrap() error { return e.Err }

// ExitCode is that of wrong usage.
func (e *Unreadable) ExitCode() int { return 2 }

// Hint says what to do about it.
func (e *Unreadable) Hint() string { return e.Advice }

// parse reads a .env file. Its errors name a line and never show what stands there: that
// may be the secret.
func parse(text []byte) (map[string]string, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, errors.New("it is not a text file")
	}
	// godotenv would put the value of another variable where a secret has a $; the mark keeps
	// it from seeing one.
	const mark = "\ue024"
	text = bytes.ReplaceAll(text, []byte("$"), []byte(mark))
	pairs, err := godotenv.UnmarshalBytes(text)
	if _, nameless := pairs[""]; err != nil || nameless {
		return nil, fmt.Errorf("line %d is not NAME=VALUE", badLine(text))
	}
	upper := make(map[string]string, len(pairs))
	exact := map[string]bool{}
	for name, value := range pairs {
		key := strings.ToUpper(name)
		if exact[key] {
			continue
		}
		exact[key] = name == key
		upper[key] = strings.ReplaceAll(value, mark, "$")
	}
	return upper, nil
}

// badLine is the number of the first line that makes the file unreadable: the one with which
// all that precedes it can no longer be read whatever follows.
func badLine(text []byte) int {
	lines := bytes.SplitAfter(text, []byte("\n"))
	good := 0 // lines that can be read
	for n := 1; n <= len(lines) && n < 1000; n++ {
		pairs, err := godotenv.UnmarshalBytes(bytes.Join(lines[:n], nil))
		if _, nameless := pairs[""]; err == nil && !nameless {
			good = n
		}
	}
	return good + 1
}
