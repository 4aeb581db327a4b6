package incydr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2/maybe"
)

// A refreshStore keeps the refresh token that has replaced the one in the settings, which is good
// for one use: the stages of a pipeline, and the next run, go on from there. It is a file that one
// process uses at a time.
type refreshStore struct {
	path string // "" where there is no home; then a token lasts for one process
}

// refreshStoreOf is the store for a token of the settings. A new one there has a new store.
func refreshStoreOf(home string, first Secret) refreshStore {
	if home == "" {
		return refreshStore{}
	}
	sum := sha256.Sum256([]byte(first.Reveal()))
	return refreshStore{filepath.Join(home, ".incydr", "refresh-tokens", hex.EncodeToString(sum[:8]))}
}

// exchange exchanges a token while nobody else does: the one in the file, else the given one.
// fetch returns the next one, "" where the token stays good. A file that cannot be kept is
// what warn is told: then the next process has to be given a new token.
func (s refreshStore) exchange(ctx context.Context, given Secret, fetch func(with Secret) (next string, err error), warn func(error)) error {
	with, unlock, err := s.take(ctx, given)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	kept := s.path != "" && err == nil
	if err != nil {
		warn(err)
	}
	defer unlock()
	next, err := fetch(with)
	var refused *CredentialsError
	if errors.As(err, &refused) && with.Reveal() != given.Reveal() {
		next, err = fetch(given)
	}
	if err != nil || next == "" || !kept {
		return err
	}
	if err := maybe.WriteFile(s.path, []byte(next+"\n"), 0o600); err != nil {
		warn(s.failed(err))
	}
	return nil
}

// take locks the file and reads it. It finds out that the file cannot be written before a token
// is used up.
func (s refreshStore) take(ctx context.Context, given Secret) (with Secret, unlock func(), err error) {
	unlock = func() {}
	if s.path == "" {
		return given, unlock, nil
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return given, unlock, s.failed(err)
	}
	lock := flock.New(s.path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return given, unlock, s.failed(err)
	}
	unlock = func() { lock.Unlock() }
	text, err := os.ReadFile(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return given, unlock, s.failed(err)
	}
	if with = given; len(text) > 0 {
		with = NewSecret(strings.TrimSpace(string(text)))
	}
	if err := maybe.WriteFile(s.path, []byte(with.Reveal()+"\n"), 0o600); err != nil {
		return with, unlock, s.failed(err)
	}
	return with, unlock, nil
}

func (s refreshStore) failed(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("cannot keep the refresh token that replaces INCYDR_REFRESH_TOKEN in %s: %w", s.path, err)
}
