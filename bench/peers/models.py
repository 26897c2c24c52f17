"""The product's tables as plain models: of users the columns that its own answers contain, of tasks a few."""

import django
from django.contrib.postgres.fields import ArrayField
from django.db import models

django.setup()


class User(models.Model):
    id = models.UUIDField(primary_key=True)
    email = models.CharField(max_length=254)
    display_name = models.CharField(max_length=200)
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    phone = models.CharField(max_length=20)
    avatar_url = models.CharField(max_length=2048)
    status = models.PositiveSmallIntegerField()
    roles = ArrayField(models.PositiveSmallIntegerField())
    email_verified = models.BooleanField()
    phone_verified = models.BooleanField()
    last_login_at = models.DateTimeField(null=True)
    bio = models.CharField(max_length=1000)
    gender = models.CharField(max_length=50)
    language = models.CharField(max_length=2)
    currency = models.CharField(max_length=3)
    timezone = models.CharField(max_length=50)
    company = models.CharField(max_length=200)
    website = models.CharField(max_length=2048)
    version = models.BigIntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label = "peers"
        managed = False
        db_table = "users_user"


class Task(models.Model):
    id = models.UUIDField(primary_key=True)
    title = models.CharField(max_length=200)
    updated_at = models.DateTimeField()

    class Meta:
        app_label = "peers"
        managed = False
        db_table = "tasks_task"


FIELDS = [field.name for field in User._meta.fields]
#: The first page of a list.
NEWEST = User.objects.order_by("-created_at", "-id")[:50]
