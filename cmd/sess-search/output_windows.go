package main

import (
	"errors"
	"os"
)

// atEnd cannot be told here.
func atEnd(*os.File, int64) bool { return false }

func reopen(*os.File) (*os.File, error) { return nil, errors.ErrUnsupported }
