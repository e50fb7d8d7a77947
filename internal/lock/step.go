package lock

// Step is one step of a Table on a whole record: it returns the next record, or why the present one does not allow the
// step. Tables that replace whole records share these steps; one that changes single fields (DynamoDB) has its own
// conditions.
type Step func(now Record) (next Record, err error)

// Taking is the step of Table.Take.
func Taking(r Record, seen *Record) Step {
	return func(now Record) (Record, error) {
		free := seen == nil && !now.Held() || seen != nil && now.ID == seen.ID && now.RVN == seen.RVN
		if !free {
			return now, ErrHeld
		}
		next := r
		next.Fence, next.LastSerial, next.Unclaimed = now.Fence+1, now.LastSerial, now.Unclaimed || seen != nil
		return next, nil
	}
}

// Beating is the step of Table.Beat.
func Beating(r Record) Step {
	return func(now Record) (Record, error) {
		if now.ID != r.ID || now.Fence != r.Fence {
			return now, ErrLost
		}
		now.RVN, now.LastHeartbeat, now.ExpiresAt = r.RVN, r.LastHeartbeat, r.ExpiresAt
		return now, nil
	}
}

// Raising is the step of Table.Raise.
func Raising(r Record, fence int64) Step {
	return func(now Record) (Record, error) {
		if now.ID != r.ID {
			return now, ErrLost
		}
		now.Fence = fence
		return now, nil
	}
}

// Freeing is the step of Table.Free.
func Freeing(r Record) Step {
	return func(now Record) (Record, error) {
		if now.ID != r.ID || r.RVN != "" && now.RVN != r.RVN {
			return now, ErrLost
		}
		left := Record{Key: r.Key, Fence: now.Fence, LastSerial: now.LastSerial, Unclaimed: r.Unclaimed}
		if r.LastSerial != 0 {
			left.LastSerial = r.LastSerial
		}
		return left, nil
	}
}
