package resource

// OwnTags are the tags that name an object's owner: stack, environment and component, and the lineage of the state.
func OwnTags(stack, environment, component, lineage string) map[string]string {
	return map[string]string{TagStack: stack, TagEnvironment: environment, TagComponent: component, TagLineage: lineage}
}
