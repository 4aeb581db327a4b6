package tenant

import (
	"sess/lib/checkpoint"
	"sess/lib/incydr"
)

// Checkpoints is the folder with the checkpoints of the API client that the settings name.
func (s *Settings) Checkpoints() (checkpoint.Dir, error) {
	environment, err := s.Environment()
	if err != nil {
		return checkpoint.Dir{}, err
	}
	root, err := checkpoint.Root(environment.Get)
	if err != nil {
		return checkpoint.Dir{}, err
	}
	client, err := incydr.AccountOf(environment)
	if err != nil {
		return checkpoint.Dir{}, err
	}
	return checkpoint.DirOf(root, client), nil
}

// CheckpointNames are the names of those that there are, for a shell to complete; none where the
// settings name no client.
func (s *Settings) CheckpointNames() []string {
	dir, err := s.Checkpoints()
	if err != nil {
		return nil
	}
	names, _ := dir.Names()
	return names
}
