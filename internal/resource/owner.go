package resource

// OwnTags are the tags by which an object of a component is known as that of a stack in an environment, and of a
// lineage of its state.
func OwnTags(stack, environment, component, lineage string) map[string]string {
	return map[string]string{TagStack: stack, TagEnvironment: environment, TagComponent: component, TagLineage: lineage}
}
