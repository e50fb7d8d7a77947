package channel

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMessagesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Message{
			Type:     rapid.SampledFrom([]string{inputData, outputData, acknowledge, closedByAWS}).Draw(t, "type"),
			Sequence: rapid.Int64().Draw(t, "sequence"), Flags: rapid.Uint64().Draw(t, "flags"), ID: uuid.New(),
			Created: rapid.Uint64().Draw(t, "created"), Kind: rapid.Uint32().Draw(t, "kind"),
			Payload: rapid.SliceOf(rapid.Byte()).Draw(t, "payload"),
		}
		body := m.Encode()
		got, err := Decode(body)
		require.NoError(t, err)
		require.Equal(t, m.Payload, append([]byte{}, got.Payload...))
		m.Payload, got.Payload = nil, nil
		require.Equal(t, m, got)
	})
}

// The places of the fields are those of AWS's session manager plugin.
func TestTheFormOfAMessage(t *testing.T) {
	m := Message{Type: inputData, Sequence: 7, ID: uuid.MustParse("00112233-4455-6677-8899-aabbccddeeff"), Kind: 1}
	m.Payload = []byte("ls\r")
	body := m.Encode()
	require.Len(t, body, 123)
	require.Equal(t, []byte{0, 0, 0, 116}, body[:4])
	require.Equal(t, "input_stream_data               ", string(body[4:36]))
	require.Equal(t, []byte{0, 0, 0, 1}, body[36:40])
	require.Equal(t, []byte{0, 0, 0, 0, 0, 0, 0, 7}, body[48:56])
	require.Equal(t, []byte{0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11}, body[64:74])
	require.Equal(t, []byte{0, 0, 0, 1, 0, 0, 0, 3}, body[112:120])
	body[122]++
	_, err := Decode(body)
	require.ErrorContains(t, err, "damaged")
}

func FuzzDecode(f *testing.F) {
	f.Add(Message{Type: outputData, Kind: 1, Payload: []byte("x")}.Encode())
	f.Add([]byte{0, 0, 0, 116})
	f.Fuzz(func(_ *testing.T, in []byte) { _, _ = Decode(in) })
}
