package tenant

import (
	"sess/lib/checkpoint"
	"sess/lib/incydr"
)

// CheckpointNames are the names of the tenant's checkpoints, for a shell to complete: those of
// the tenant that the settings name, and none where they name none.
func CheckpointNames(environ []string) []string {
	environment, err := incydr.LoadEnvironment("", environ)
	if err != nil {
		return nil
	}
	account, err := environment.Account()
	if err != nil {
		return nil
	}
	root, err := checkpoint.Root(environment.Get)
	if err != nil {
		return nil
	}
	names, _ := checkpoint.DirOf(root, account).Names()
	return names
}
