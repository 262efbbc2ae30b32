"""Two people who are staff, a queue and the link field; prints `NAME ID TOKEN` of each person. Run once by start.sh."""

import django

django.setup()

from django.contrib.auth import get_user_model
from helpdesk.models import CustomField, Queue
from rest_framework.authtoken.models import Token

for name in ("bridge", "agent1"):
    person = get_user_model().objects.create_superuser(
        name, f"{name}@helpdesk.test", f"{name} of a test"
    )
    print(name, person.id, Token.objects.create(user=person).key)
queue = Queue.objects.create(
    title="WhatsApp",
    slug="whatsapp",
    allow_public_submission=True,
    enable_notifications_on_email_events=False,
)
CustomField.objects.create(
    name="conversation_id",
    label="Conversation",
    data_type="varchar",
    max_length=120,
    required=False,
    staff_only=True,
    ordering=1,
)
print("queue", queue.id, "-")
