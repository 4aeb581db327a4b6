//go:build !windows

package checkpoint

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// checkOnSystem has nothing to add here: a name may be anything but a path.
func checkOnSystem(string, func(string) error) error { return nil }

// replace writes the file anew: whoever opens it finds the old one or the new one, whole,
// whatever happens meanwhile. It returns how many bytes the new one has.
func replace(path string, write func(io.Writer) error) (size int64, err error) {
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return 0, err
	}
	defer f.Cleanup()
	if err := write(f); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return 0, err
	}
	return info.Size(), syncFolder(filepath.Dir(path))
}

// sync makes what was created and removed in the folder last.
func (d Dir) sync() error { return syncFolder(d.Path) }

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	// Some file systems have no such thing for a folder.
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
