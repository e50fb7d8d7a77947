package sqs

import (
	"strings"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource"
	queue "github.com/company/deployer/internal/resource/sqs"
	"github.com/company/deployer/internal/value"
)

// Kind is the kind SQS.
func Kind() component.Kind {
	return component.Define(component.Definition[Spec]{
		Name: "SQS", Group: "components.deployer.io/v1",
		Doc:     "A message queue, encrypted, with an optional dead-letter queue.",
		Outputs: []string{"url", "arn", "name", "deadLetterUrl"},
		Verbs:   []string{"send", "receive", "redrive"},
		Words: map[string]string{
			"url": "URL of the queue.", "arn": "ARN of the queue.", "name": "Name of the queue in AWS.",
			"deadLetterUrl": "URL of the dead-letter queue; with deadLetter only.",
			"send":          "Send messages.", "receive": "Receive, hide and delete messages.",
			"redrive": "Look at the messages of the dead-letter queue, and move them back; with deadLetter only.",
		},
		Resources: []component.Generated{
			{Name: "queue", Type: queue.QueueType},
			{Name: "policy", Type: queue.QueuePolicyType},
			{Name: "dead-letter-queue", Type: queue.QueueType, When: "with `deadLetter`"},
			{Name: "dead-letter-policy", Type: queue.QueuePolicyType, When: "with `deadLetter`"},
		},
		Check:     check,
		Grant:     grant,
		Protected: func(in component.Instance, _ *Spec) bool { return in.Production },
		Expand:    expand,
	})
}

// deadLetterQueue is the resource name of the queue for messages that could not be processed.
const deadLetterQueue = "dead-letter-queue"

func expand(in component.Instance, s *Spec, _ component.Context) (component.Expansion, []value.Problem) {
	props := queue.Queue{
		Name: name(in, s), FIFO: s.FIFO, Encryption: s.Encryption,
		VisibilityTimeout: seconds(s.VisibilityTimeout), MessageRetention: seconds(s.Retention),
	}
	var made []*resource.Resource
	outputs := map[string]value.Value{}
	if s.DeadLetter != nil {
		longest := int(maxRetention.Seconds())
		dead := in.Resource(deadLetterQueue, queue.QueueType, queue.Queue{
			Name: name(in, s, "dead"), FIFO: s.FIFO, Encryption: props.Encryption, MessageRetention: &longest,
		})
		props.Redrive = &queue.Redrive{
			DeadLetterTargetArn: value.Expr[string](dead.Output("arn")),
			MaxReceives:         s.DeadLetter.MaxReceives,
		}
		made = append(made, dead, in.Resource("dead-letter-policy", queue.QueuePolicyType, tlsOnly(dead)))
		outputs["deadLetterUrl"] = dead.Output("url")
	}
	q := in.Resource("queue", queue.QueueType, props)
	made = append(made, q, in.Resource("policy", queue.QueuePolicyType, tlsOnly(q)))
	outputs["url"], outputs["arn"], outputs["name"] = q.Output("url"), q.Output("arn"), q.Output("name")
	return component.Expansion{Resources: made, Outputs: outputs}, nil
}

// name is the physical name; AWS requires .fifo at the end of a FIFO queue's name.
func name(in component.Instance, s *Spec, suffix ...string) string {
	if !s.FIFO {
		return in.ResourceName(nameLimit, in.GlobalSeeds(), suffix...)
	}
	return in.ResourceName(nameLimit-len(fifoSuffix), in.GlobalSeeds(), suffix...) + fifoSuffix
}

func seconds(d value.Duration) *int {
	n := d.Seconds()
	return &n
}

// tlsOnly refuses requests without TLS. The users' roles say who may do what.
func tlsOnly(q *resource.Resource) queue.QueuePolicy {
	return queue.QueuePolicy{
		QueueURL: value.Expr[string](q.Output("url")),
		Policy: value.NewMap(map[string]value.Value{
			"Version": value.NewString("2012-10-17"),
			"Statement": value.NewList(value.NewMap(map[string]value.Value{
				"Sid":       value.NewString("TLSOnly"),
				"Effect":    value.NewString("Deny"),
				"Principal": value.NewString("*"),
				"Action":    value.NewString("sqs:*"),
				"Resource":  q.Output("arn"),
				"Condition": value.NewMap(map[string]value.Value{
					"Bool": value.NewMap(map[string]value.Value{"aws:SecureTransport": value.NewString("false")}),
				}),
			})),
		}),
	}
}

func grant(in component.Instance, s *Spec, verb string) component.Grant {
	statement := component.Statement{
		Actions:   []string{"sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"},
		Resources: []value.Value{value.Output(in.Address, "arn")},
	}
	keyActions := []string{"kms:GenerateDataKey", "kms:Decrypt"}
	statements := []component.Statement{statement}
	switch verb {
	case "receive":
		statements[0].Actions = []string{
			"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility",
			"sqs:GetQueueUrl", "sqs:GetQueueAttributes",
		}
		keyActions = []string{"kms:Decrypt"}
	case "redrive": // what StartMessageMoveTask needs on both queues, and what reading the messages needs
		if s.DeadLetter == nil {
			return component.Grant{Refused: "it has no dead-letter queue: set deadLetter"}
		}
		statements = append(statements, component.Statement{
			Actions: []string{
				"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueUrl",
				"sqs:GetQueueAttributes",
				"sqs:StartMessageMoveTask", "sqs:ListMessageMoveTasks", "sqs:CancelMessageMoveTask",
			},
			Resources: []value.Value{value.Output(in.Address+":"+deadLetterQueue, "arn")},
		})
	}
	if s.Encryption.Get() != queue.SQSManaged {
		statements = append(statements, keyStatement(in, s.Encryption.Value(), keyActions))
	}
	return component.Grant{Statements: statements}
}

// keyStatement allows the use of the queue's own KMS key, through SQS only.
func keyStatement(in component.Instance, key value.Value, actions []string) component.Statement {
	s := component.Statement{
		Actions: actions, Resources: []value.Value{key},
		Conditions: map[string]map[string]value.Value{
			"StringEquals": {"kms:ViaService": value.NewString(in.Host("sqs"))},
		},
	}
	text := key.Str()
	if arn, alias, ok := strings.Cut(text, ":alias/"); ok {
		s.Resources = []value.Value{value.NewString(arn + ":key/*")}
		s.Conditions["ForAnyValue:StringEquals"] = map[string]value.Value{
			"kms:ResourceAliases": value.NewString("alias/" + alias),
		}
		return s
	}
	switch {
	case keyAlias.MatchString(text):
		s.Resources = []value.Value{value.NewString(in.ARN("kms", "key/*"))}
		s.Conditions["ForAnyValue:StringEquals"] = map[string]value.Value{"kms:ResourceAliases": key}
	case keyID.MatchString(text):
		s.Resources = []value.Value{value.NewString(in.ARN("kms", "key/"+text))}
	}
	return s
}
