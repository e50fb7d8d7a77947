package cli

import (
	"errors"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/state"
)

// open returns the target of a command that works from the state, and the backend that keeps it.
func (t *target) open() (state.Key, *backend.Backend, error) {
	key, err := t.StoredKey()
	if err != nil {
		return key, nil, err
	}
	back, err := t.factory.StoredBackend(key)
	return key, back, err
}

// stored reads the state of a command's target. Every command that shows the state starts with it.
func (t *target) stored() (*observe.Deployed, error) {
	key, back, err := t.open()
	if err != nil {
		return nil, err
	}
	s, err := observe.Read(t.factory.Soft, back, key)
	return s, t.slip(err)
}

// mustExist returns an error when neither the manifests nor the backend know a key. A key of the manifests costs no
// call.
func (t *target) mustExist(back *backend.Backend, key state.Key) error {
	if t.factory.Root() != "" {
		if known, err := t.Key(); err == nil && known == key {
			return nil
		}
	}
	_, err := observe.Read(t.factory.Soft, back, key)
	return t.slip(err)
}

// neverDeployed returns an error when a target without a history does have a state, when its state is elsewhere, or
// when the target does not exist.
func (t *target) neverDeployed(back *backend.Backend, key state.Key) error {
	_, err := observe.Read(t.factory.Soft, back, key)
	var nothing *backend.NothingError
	if err = t.slip(err); errors.As(err, &nothing) {
		return nil
	}
	return err
}

// slip explains err when no state has the name that was given. A name that the manifests do not have either is a typing
// error, so the advice is to correct it, not to deploy it.
func (t *target) slip(err error) error {
	var nothing *backend.NothingError
	if errors.As(err, &nothing) && t.factory.Root() != "" {
		if _, wrong := t.Key(); wrong != nil {
			return wrong
		}
	}
	return err
}
