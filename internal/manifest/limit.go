package manifest

// Limits of what is read. The YAML parser's time grows with the square of a document's tokens, and its memory with
// depth times key length. So both are limited on the token stream, before parsing.
const (
	MaxFileSize      = 1 << 20  // bytes
	MaxTotalSize     = 16 << 20 // bytes of all the files of a stack
	MaxFiles         = 10000
	MaxDocumentSize  = 256 << 10 // bytes between two ---
	maxDocuments     = 10000     // in a stack
	maxFileDocuments = 2000      // in a file
	maxTokens        = 10000     // of a document
	maxWork          = 25e7      // sum of the squares of the documents' tokens
	maxDepth         = 32        // lists and maps inside each other
	maxKey           = 256       // bytes of a key
	maxNodes         = 20000     // of a document, with every alias written out
	maxProblems      = 1000      // reported of one run
	maxFolderDepth   = 16
	maxResolved      = 64 << 20 // bytes of text that all expressions of a stack produce
)
