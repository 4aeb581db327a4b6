package pipeline

import (
	"bytes"
	"fmt"
	"os/exec"
)

// asksOnly has a stage judge its words, and end with 0 where they are right, before it reads or
// changes anything.
const asksOnly = "SESS_CHECK=true"

// check has all stages but the first, which judges its own words before it does anything, judge
// theirs. It returns the status of the first one that refuses them, once that has said why.
func (r *run) check() (status int, err error) {
	asked := make([]*exec.Cmd, 0, len(r.stages))
	defer func() {
		for _, cmd := range asked {
			cmd.Wait()
		}
	}()
	for _, s := range r.stages[1:] {
		cmd := &exec.Cmd{Path: s.Path, Args: s.Args, Env: append(s.Env[:len(s.Env):len(s.Env)], asksOnly), Stderr: &bytes.Buffer{}}
		endWithParent(cmd)
		if err := cmd.Start(); err != nil {
			return 1, fmt.Errorf("cannot start %s: %w", s.Path, bare(err))
		}
		asked = append(asked, cmd)
	}
	for len(asked) > 0 {
		cmd := asked[0]
		asked = asked[1:]
		cmd.Wait()
		if status, _ := StatusOf(cmd.ProcessState); status != 0 {
			_, err := r.in.Stderr.Write(cmd.Stderr.(*bytes.Buffer).Bytes())
			return status, err
		}
	}
	return 0, nil
}
