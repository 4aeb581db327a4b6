package checkpoint

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// checkOnSystem refuses what Windows takes for something other than a file's name.
func checkOnSystem(name string, bad func(string) error) error {
	if strings.ContainsAny(name, `:*?"<>|`) {
		return bad("Windows has no file names with any of : * ? \" < > |")
	}
	if !filepath.IsLocal(name) || strings.TrimRight(name, ". ") != name {
		return bad("Windows has another meaning for it")
	}
	return nil
}

// replace writes the file anew: whoever opens it finds the old one or the new one, whole. It
// returns how many bytes the new one has.
func replace(path string, write func(io.Writer) error) (size int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := write(f); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	if err := f.Close(); err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(f.Name(), path)
}

// sync has nothing to do: NTFS journals its folders.
func (d Dir) sync() error { return nil }

func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }
