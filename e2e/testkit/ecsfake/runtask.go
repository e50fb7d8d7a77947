package ecsfake

import (
	"slices"
	"strings"
)

func (f *Fake) listTasks(c *call) (any, error) {
	var in struct {
		Cluster       string `json:"cluster"`
		ServiceName   string `json:"serviceName"`
		Family        string `json:"family"`
		DesiredStatus string `json:"desiredStatus"`
		StartedBy     string `json:"startedBy"`
		LaunchType    string `json:"launchType"`
		page
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	cl, err := f.cluster(c, in.Cluster)
	if err != nil {
		return nil, err
	}
	tasks := cl.allTasks()
	if in.ServiceName != "" {
		s := cl.service(in.ServiceName)
		if s == nil {
			return nil, errServiceNotFound
		}
		tasks = s.tasks
	}
	arns := []string{}
	for _, t := range slices.Backward(tasks) {
		stopped := t.status == taskStopped
		if stopped != (in.DesiredStatus == taskStopped) ||
			(in.Family != "" && in.Family != t.def.Family) ||
			(in.StartedBy != "" && in.StartedBy != t.startedBy) ||
			(in.LaunchType != "" && in.LaunchType != t.spec.LaunchType) {
			continue
		}
		arns = append(arns, t.arn)
	}
	part, next := paged(arns, in.page, 100)
	return withToken(map[string]any{"taskArns": part}, next), nil
}

// describeTasks advances tasks of RunTask by one step. Tasks of services advance with their service.
func (f *Fake) describeTasks(c *call) (any, error) {
	var in struct {
		Cluster string   `json:"cluster"`
		Tasks   []string `json:"tasks"`
		Include []string `json:"include"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	cl, err := f.cluster(c, in.Cluster)
	if err != nil {
		return nil, err
	}
	if n := len(in.Tasks); n == 0 || n > 100 {
		return nil, invalid("Tasks must contain between 1 and 100 entries.")
	}
	tasks, failures := []any{}, []any{}
	for _, name := range in.Tasks {
		t := cl.task(name)
		if t == nil {
			failures = append(failures,
				map[string]string{
					"arn":    cl.resourceARN("task", cl.name+"/"+name[strings.LastIndex(name, "/")+1:]),
					"reason": "MISSING",
				})
			continue
		}
		if t.service == nil {
			f.runOn(c, t)
		}
		tasks = append(tasks, f.viewTask(t, slices.Contains(in.Include, "TAGS")))
	}
	return map[string]any{"tasks": tasks, "failures": failures}, nil
}

func (f *Fake) stopTask(c *call) (any, error) {
	var in struct {
		Cluster string `json:"cluster"`
		Task    string `json:"task"`
		Reason  string `json:"reason"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	cl, err := f.cluster(c, in.Cluster)
	if err != nil {
		return nil, err
	}
	t := cl.task(in.Task)
	if t == nil {
		return nil, errTaskNotFound
	}
	if in.Reason == "" {
		in.Reason = "Task stopped by user"
	}
	for i := range t.containers {
		if t.status == taskRunning {
			t.containers[i].exit(143)
		}
	}
	t.stop("UserInitiated", in.Reason, f.now())
	return map[string]any{"task": f.viewTask(t, true)}, nil
}

// runTask starts tasks without a service. Each describe advances them until they end: a healthy one exits 0.
func (f *Fake) runTask(c *call) (any, error) {
	var in struct {
		spec
		Cluster     string         `json:"cluster"`
		Count       int            `json:"count"`
		Group       string         `json:"group"`
		StartedBy   string         `json:"startedBy"`
		Overrides   map[string]any `json:"overrides"`
		Tags        []tag          `json:"tags"`
		ClientToken string         `json:"clientToken"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	cl, err := f.cluster(c, in.Cluster)
	if err != nil {
		return nil, err
	}
	def, err := f.definition(c, &in.spec)
	if err != nil {
		return nil, err
	}
	group := in.Group
	if group == "" {
		group = "family:" + def.Family
	}
	tasks := []any{}
	sc := f.script(c, def, commandsOf(in.Overrides))
	for range max(in.Count, 1) {
		t := f.newTask(cl, def, sc)
		if in.ClientToken != "" { // the same token gives the same task
			t.id = digest(in.ClientToken)[:32]
			t.arn = cl.resourceARN("task", cl.name+"/"+t.id)
			if existing := cl.task(t.id); existing != nil {
				tasks = append(tasks, f.viewTask(existing, true))
				continue
			}
		}
		t.spec, t.group, t.startedBy, t.overrides, t.tags = in.spec, group, in.StartedBy, in.Overrides, in.Tags
		cl.tasks = append(cl.tasks, t)
		tasks = append(tasks, f.viewTask(t, true))
	}
	return map[string]any{"tasks": tasks, "failures": []any{}}, nil
}

// runOn moves a task of RunTask one step: pending, running, stopped.
func (f *Fake) runOn(c *call, t *task) {
	switch t.status {
	case taskPending:
		if t.waited < t.script.Steps || t.script.Behaviour == Slow {
			t.waited++
			return
		}
		switch t.script.Behaviour {
		case PullError, MissingSecret, NoLogGroup:
			f.start(c, t, t.script.Behaviour)
		default: // failures of the program show after it ran
			f.start(c, t, Healthy)
		}
	case taskRunning:
		code := t.script.exitCode()
		for i := range t.containers {
			ct := &t.containers[i]
			if ct.def.Name != t.script.container {
				ct.exit(0)
				continue
			}
			ct.exit(code)
			if t.script.Behaviour == OutOfMemory {
				ct.reason = "OutOfMemoryError: Container killed due to memory usage"
			}
		}
		t.stop("EssentialContainerExited", t.script.reasonOr("Essential container in task exited"), f.now())
	}
}

func commandsOf(overrides map[string]any) map[string][]string {
	out := map[string][]string{}
	list, _ := overrides["containerOverrides"].([]any)
	for _, entry := range list {
		override, _ := entry.(map[string]any)
		name, _ := override["name"].(string)
		words, _ := override["command"].([]any)
		for _, w := range words {
			if word, ok := w.(string); ok {
				out[name] = append(out[name], word)
			}
		}
	}
	return out
}

func (cl *cluster) allTasks() []*task {
	all := slices.Clone(cl.tasks)
	for _, s := range cl.services {
		all = append(all, s.tasks...)
	}
	return all
}

func (cl *cluster) task(nameOrARN string) *task {
	id := nameOrARN[strings.LastIndex(nameOrARN, "/")+1:]
	for _, t := range cl.allTasks() {
		if t.id == id {
			return t
		}
	}
	return nil
}

func (f *Fake) taskByARN(arn string) *task {
	for _, cl := range f.clusters {
		if t := cl.task(arn); t != nil && t.arn == arn {
			return t
		}
	}
	return nil
}
