package lock

import (
	"encoding/json"
	"time"
)

// stored is a record as JSON, with the names and units of the DynamoDB item.
type stored struct {
	LockKey       string            `json:"lockKey"`
	LockID        string            `json:"lockId,omitempty"`
	LockedBy      string            `json:"lockedBy,omitempty"`
	LockedAt      int64             `json:"lockedAt,omitempty"`
	ExpiresAt     int64             `json:"expiresAt,omitempty"`
	LastHeartbeat int64             `json:"lastHeartbeat,omitempty"`
	Heartbeat     int64             `json:"heartbeat,omitempty"`
	RVN           string            `json:"rvn,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"`
	BootID        string            `json:"bootId,omitempty"`
	PIDNamespace  string            `json:"pidNamespace,omitempty"`
	ProcessStart  string            `json:"processStart,omitempty"`
	Fence         int64             `json:"fence"`
	LastSerial    int64             `json:"lastSerial,omitempty"`
	Unclaimed     bool              `json:"unclaimed,omitempty"`
}

// Encode returns the record as JSON, for tables that keep whole records. Equal records have equal texts.
func (r Record) Encode() ([]byte, error) {
	s := stored{LockKey: r.Key.String(), Fence: r.Fence, LastSerial: r.LastSerial, Unclaimed: r.Unclaimed}
	if r.Held() {
		s.LockID, s.LockedBy, s.RVN, s.Metadata = r.ID, r.LockedBy, r.RVN, r.Metadata
		s.LockedAt, s.ExpiresAt, s.LastHeartbeat = r.LockedAt.Unix(), r.ExpiresAt.Unix(), r.LastHeartbeat.Unix()
		s.Heartbeat = int64(r.Heartbeat / time.Second)
		s.BootID, s.PIDNamespace, s.ProcessStart = r.BootID, r.PIDNamespace, r.ProcessStart
	}
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

// Decode reads what Encode wrote.
func Decode(key Key, text []byte) (Record, error) {
	var s stored
	if err := json.Unmarshal(text, &s); err != nil {
		return Record{}, err
	}
	r := Record{Key: key, Fence: s.Fence, LastSerial: s.LastSerial, Unclaimed: s.Unclaimed}
	if s.LockID != "" {
		r.ID, r.LockedBy, r.RVN, r.Metadata = s.LockID, s.LockedBy, s.RVN, s.Metadata
		r.LockedAt, r.ExpiresAt, r.LastHeartbeat = time.Unix(s.LockedAt, 0), time.Unix(s.ExpiresAt, 0),
			time.Unix(s.LastHeartbeat, 0)
		r.Heartbeat = time.Duration(s.Heartbeat) * time.Second
		r.BootID, r.PIDNamespace, r.ProcessStart = s.BootID, s.PIDNamespace, s.ProcessStart
	}
	return r, nil
}
