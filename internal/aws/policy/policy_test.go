package policy

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/company/deployer/internal/value"
)

func parse(t require.TestingT, text string) value.Value {
	v, err := Parse(text)
	require.NoError(t, err)
	return v
}

func TestCanonicalTreatsAsEqualWhatAWSDoes(t *testing.T) {
	const want = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:a","arn:b"]},"Action":["s3:Get","s3:Put"],
		"Resource":["r"],"Condition":{"Bool":{"aws:SecureTransport":["false"]}}}]}`
	for name, doc := range map[string]string{
		"single items":  `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":["arn:b","arn:a"]},"Action":["s3:Put","s3:Get"],"Resource":"r","Condition":{"Bool":{"aws:SecureTransport":false}}}}`,
		"repeats":       `{"Statement":[{"Resource":["r","r"],"Action":["s3:Get","s3:Put","s3:Get"],"Principal":{"AWS":["arn:a","arn:b"]},"Condition":{"Bool":{"aws:SecureTransport":["false"]}},"Effect":"Allow"}],"Version":"2012-10-17"}`,
		"itself":        want,
		"as IAM has it": url.PathEscape(want),
	} {
		got, err := Canonical(value.NewString(doc))
		require.NoError(t, err, name)
		require.Empty(t, cmp.Diff(parse(t, want).Interface(), got.Interface()), name)
	}
}

func TestCanonicalKeepsWhatDiffers(t *testing.T) {
	one, err := Canonical(parse(t, `{"Statement":[{"Action":"a","Principal":"*"},{"Action":"b"}]}`))
	require.NoError(t, err)
	for _, doc := range []string{
		// the user's order of statements stays
		`{"Statement":[{"Action":"b"},{"Action":"a","Principal":"*"}]}`,
		`{"Statement":[{"Action":"a","Principal":{"AWS":"*"}},{"Action":"b"}]}`, // not the same for anonymous calls
		`{"Statement":[{"NotAction":"a","Principal":"*"},{"Action":"b"}]}`,      //
		`{"Statement":[{"Action":["a","c"],"Principal":"*"},{"Action":"b"}]}`,   //
	} {
		other, err := Canonical(parse(t, doc))
		require.NoError(t, err)
		require.False(t, value.Equal(one, other), doc)
	}
}

func TestCanonicalLeavesTheUnknownAlone(t *testing.T) {
	for _, doc := range []value.Value{
		value.NewUnknown(),
		value.NewMap(map[string]value.Value{"Statement": value.NewUnknown()}),
		value.NewMap(map[string]value.Value{"Statement": value.NewList(value.NewMap(map[string]value.Value{
			"Action": value.NewString("a"), "Resource": value.NewUnknown(),
			"Principal": value.NewMap(map[string]value.Value{"AWS": value.NewUnknown()}),
		}))}),
	} {
		out, err := Canonical(doc)
		require.NoError(t, err)
		require.False(t, out.Known())
		_, err = Text(out)
		require.Error(t, err)
	}
}

func TestWhatIsNoDocument(t *testing.T) {
	for _, doc := range []value.Value{
		value.NewString("{"), value.NewString("%zz"), value.Strings("a"), value.NewInt(1),
		value.NullValue,
	} {
		require.Len(t, Check("policy", &doc), 1, doc.String())
	}
	none, err := Read("", value.NullValue)
	require.NoError(t, err)
	require.True(t, none.IsNull())
}

// A document that is sent and returned, percent-encoded or not, equals the checked one.
func TestRoundTrip(t *testing.T) {
	texts := rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z0-9:*/ %&+é"\\-]{1,12}`), 1, 4)
	rapid.Check(t, func(t *rapid.T) {
		item := func(label string) any {
			list := texts.Draw(t, label)
			if len(list) == 1 {
				return list[0]
			}
			return list
		}
		doc, err := value.From(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Action": item("action"), "Resource": item("resource"),
			"Principal": map[string]any{"Service": item("service")},
			"Condition": map[string]any{"StringLike": map[string]any{"aws:PrincipalTag/x": item("condition")}},
		}}})
		require.NoError(t, err)
		require.Empty(t, Check("policy", &doc))
		text, err := Text(doc)
		require.NoError(t, err)
		for _, stored := range []string{text, url.PathEscape(text)} {
			back, err := Read(stored, value.NullValue)
			require.NoError(t, err)
			require.True(t, value.Equal(doc, back), stored)
		}
	})
}

func TestReadKeepsWhatIsRecordedWhereItMeansTheSame(t *testing.T) {
	recorded, err := Canonical(value.NewString(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"a","Principal":{"AWS":"arn:aws:iam::123456789012:root"}},
		{"Effect":"Allow","Action":"b","Principal":"*"}]}`))
	require.NoError(t, err)
	for text, same := range map[string]bool{
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"b","Principal":"*"},
			{"Effect":"Allow","Action":"a","Principal":{"AWS":"123456789012"}}]}`: true,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"b","Principal":"*"},
			{"Effect":"Allow","Action":"a","Principal":{"AWS":"210987654321"}}]}`: false,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"b","Principal":"*"}]}`: false,
		`{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"b","Principal":"*"},
			{"Effect":"Allow","Action":"a","Principal":{"AWS":"123456789012"}}]}`: false,
	} {
		read, err := Read(text, recorded)
		require.NoError(t, err)
		require.Equal(t, same, value.Equal(read, recorded), text)
	}
}
