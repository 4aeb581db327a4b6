package checkpoint

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve sets room on the disk aside behind size, without making the file longer. A file
// system that cannot do that is believed to have the room. The limit of ulimit -f is not
// looked at by the system here, so it is looked at by us.
func reserve(f *os.File, size, bytes int64) error {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &limit) == nil && limit.Cur != unix.RLIM_INFINITY && uint64(size+bytes) > limit.Cur {
		return unix.EFBIG
	}
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, size, bytes)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), errors.Is(err, unix.EFBIG), errors.Is(err, unix.EIO), errors.Is(err, unix.EROFS):
			return err
		}
		return nil
	}
}
