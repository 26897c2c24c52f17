"""Users in the admin site, which uses the same services as the transports."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from changes.admin import ChangeLogHistoryMixin
from core.actors import Actor
from core.addresses import http_client_address
from core.admin.inlines import NewestRowsInline
from core.admin.lists import LargeList, SelectedRowsAdmin
from core.admin.writes import ReasonedAction, ServiceBackedAdmin, actor_of, show_saved
from core.db import search
from core.preconditions import exactly
from users import queries, services
from users.models import DEFAULTS, OPEN_ACCOUNT_STATUSES, Role, Status, User, UserAddress
from users.services import MAX_REASON_LENGTH

#: For how many matching users a search finds the rows that belong to them.
_MAX_USERS = 1_000
EMAIL_PENDING = "Your e-mail address does not change until you confirm the new one with the token that is mailed to it."
WRITABLE = (
    "email", "display_name", "first_name", "last_name", "phone", "avatar_url", "status", "roles",
    "bio", "date_of_birth", "gender", "language", "currency", "timezone", "company", "website", "social_links",
)  # fmt: skip
DEACTIVATE = ReasonedAction(
    "Deactivate", "deactivated", services.deactivate_user, MAX_REASON_LENGTH, reason_required=True
)
REACTIVATE = ReasonedAction("Reactivate", "reactivated", services.reactivate_user, MAX_REASON_LENGTH)
DELETE = ReasonedAction("Delete with all their data", "deleted", services.delete_user, MAX_REASON_LENGTH)


#: What only superusers may change, by `set_staff`.
STAFF = ("is_staff", "is_superuser", "groups")


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """The fields that UpdateUser may write, and those about access to this site."""

    roles = forms.TypedMultipleChoiceField(
        coerce=int,
        choices=Role.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        required=False,
        empty_value=[],
    )
    groups = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        required=False,
        help_text="What staff may do in this site, unless they are superusers.",
    )

    class Meta:
        model = User
        fields = (*WRITABLE, *STAFF)


class RoleFilter(admin.SimpleListFilter):
    """Filter of users that have a role."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(role.value), role.label) for role in Role]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        chosen = [role.value for role in Role if str(role.value) == self.value()]
        return queryset.filter(roles__contains=chosen) if chosen else queryset


class LoginFilter(admin.SimpleListFilter):
    """Filter of users that have logged in, or never have."""

    title = "logged in"
    parameter_name = "logged_in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("ever", "ever"), ("never", "never")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() not in ("ever", "never"):
            return queryset
        return queryset.filter(last_login_at__isnull=self.value() == "never")


class AddressInline(NewestRowsInline):
    model = UserAddress
    fk_name = "user"
    listed_at = "admin:users_useraddress_changelist"
    fields: ClassVar[tuple[str, ...]] = (
        "label", "full_name", "line1", "city", "postal_code", "country_code", "type", *DEFAULTS,
    )  # fmt: skip


@admin.register(User)
class UserAdmin(ChangeLogHistoryMixin, ServiceBackedAdmin, LargeList):
    form = UserForm
    list_display = ("email", "display_name", "status", "role_names", "is_staff", "created_at", "last_login_at")
    list_filter = ("status", RoleFilter, "is_staff", "is_service", LoginFilter)
    lookups = ("status__exact", "role", "is_staff__exact", "is_service__exact", "logged_in")
    sortable_by = ("email", "display_name", "created_at", "last_login_at")
    sorted_by = queries.SORTED_BY
    search_fields = ("search_words",)
    search_help_text = "Prefixes of names and e-mail"
    ordering = ("-created_at", "-id")
    readonly_fields = (
        "id", "number", "email_verified", "phone_verified", "last_login_at", "is_service",
        "version", "created_at", "created_by", "updated_at", "updated_by", "preferences_set",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("email", "display_name", "first_name", "last_name", "phone", "avatar_url")}),
        ("Access", {"fields": ("status", "roles", "is_service", "email_verified", "phone_verified")}),
        ("Admin site", {"fields": STAFF}),
        ("Profile", {"classes": ("collapse",), "fields": WRITABLE[8:]}),
        ("Preferences", {"classes": ("collapse",), "fields": ("preferences_set",)}),
        ("Record", {"fields": ("id", "number", "version", "created_at", "created_by", "updated_at", "updated_by",
                               "last_login_at")}),
    )  # fmt: skip
    inlines: ClassVar[list[type[NewestRowsInline]]] = [AddressInline]  # Apps above `users` append theirs.
    actions = ("deactivate", "reactivate", "delete", "send_verification", "send_password_reset")
    actions_detail = ("deactivate_this", "reactivate_this")

    @admin.display(description="set by the user")
    def preferences_set(self, user: User) -> str:
        return ", ".join(f"{path}: {'on' if on else 'off'}" for path, on in sorted(user.preferences.items())) or "-"

    @admin.display(description="roles")
    def role_names(self, user: User) -> str:
        return ", ".join(role.label for role in user.named_roles)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        # A new user has no preferences and no record; the database assigns the number.
        return self.fieldsets if obj else (*self.fieldsets[:2], self.fieldsets[3])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # Whether an account is a service account can only be chosen at its creation.
        fixed = [name for name in self.readonly_fields if obj or name != "is_service"]
        return fixed if getattr(request.user, "is_superuser", False) else [*fixed, *STAFF]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return User.objects.visible_to(actor_of(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        query = search.typed(search_term)
        return (queryset.filter(search.matches("search_words", query)) if query else queryset), False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name in WRITABLE}
        if change:
            saved = services.update_user(
                actor_of(request), str(obj.pk), fields, expected_version=self.opened_version(request)
            )
            if saved.email != form.cleaned_data["email"]:
                self.message_user(request, EMAIL_PENDING, messages.WARNING)
            if access := {name: form.cleaned_data[name] for name in form.changed_data if name in STAFF}:
                # Of the version that has just been saved, in the same transaction.
                version = exactly(saved.version)
                saved = services.set_staff(actor_of(request), str(obj.pk), **access, expected_version=version)
        else:
            create = services.create_service_account if form.cleaned_data["is_service"] else services.create_user
            saved = create(actor_of(request), **fields)
        show_saved(obj, saved)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save nothing: `save_model` has set the groups."""

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        services.delete_user(actor_of(request), str(obj.pk))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return only the accounts. Their dependent rows are deleted too, but may be thousands."""
        users = [str(user) for user in objs]
        return users, {f"{self.opts.verbose_name_plural} with all their data": len(users)}, set(), []

    def get_actions(self, request: HttpRequest) -> Any:
        # Django's own action requests no reason and does not report the outcome of each deletion.
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.action(description="Deactivate the selected users", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse:
        return self.with_reason(request, queryset, DEACTIVATE)

    @admin.action(description="Reactivate the selected users", permissions=["change"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse:
        return self.with_reason(request, queryset, REACTIVATE)

    @admin.action(description="Delete the selected users", permissions=["delete"])
    def delete(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse:
        return self.with_reason(request, queryset, DELETE)

    @admin.action(description="Send the mail that verifies the e-mail address", permissions=["change"])
    def send_verification(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self.do_to_each(request, queryset, "requested (already verified users were skipped)", services.verify_email)

    @admin.action(description="Send the mail that resets the password", permissions=["change"])
    def send_password_reset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        emails = dict(queryset.values_list("pk", "email"))
        address = http_client_address(request.META)

        def send(actor: Actor, user_id: str) -> None:
            services.request_password_reset(email=emails[UUID(user_id)], address=address)

        self.do_to_each(request, queryset, "requested (closed accounts get no mail)", send)

    @action(description="Deactivate", url_path="deactivate", permissions=["change"])
    def deactivate_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._this_with_reason(request, object_id, DEACTIVATE)

    @action(description="Reactivate", url_path="reactivate", permissions=["change"])
    def reactivate_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._this_with_reason(request, object_id, REACTIVATE)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """Return only the actions that the state of the account allows."""
        user = self.get_object(request, object_id)
        possible = {Status.DEACTIVATED: "reactivate", **dict.fromkeys(OPEN_ACCOUNT_STATUSES, "deactivate")}.get(
            user and user.status
        )
        return [action for action in super().get_actions_detail(request, object_id) if action.path == possible]

    def _this_with_reason(self, request: HttpRequest, object_id: str, reasoned: ReasonedAction) -> HttpResponse:
        user = self.get_object(request, object_id)
        if user is None:
            raise Http404
        return self.with_reason(request, [user], reasoned, back=reverse("admin:users_user_change", args=[user.pk]))


class UserSearchAdmin(LargeList):
    """Admin of rows that belong to a user and are searched by that user."""

    lookups = ("user__id__exact",)
    search_fields: ClassVar[tuple[str, ...]] = ("user",)
    search_help_text = f"Prefixes of the user's names and e-mail (at most {_MAX_USERS:,} users)"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        query = search.typed(search_term)
        users = User.objects.filter(search.matches("search_words", query)).values("pk")[:_MAX_USERS]
        return (queryset.filter(user__in=users) if query else queryset), False


@admin.register(UserAddress)
class UserAddressAdmin(ServiceBackedAdmin, UserSearchAdmin):
    """Admin of addresses. Each write is logged as a change of its user."""

    list_display = ("user", "label", "full_name", "city", "country_code", "type", *DEFAULTS)
    list_select_related = ("user",)
    sortable_by = ()
    ordering = ("-id",)
    autocomplete_fields = ("user",)
    readonly_fields = ("id", "version", "created_at", "created_by", "updated_at", "updated_by")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # An address cannot be moved to another user.
        return (*self.readonly_fields, "user") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: UserAddress, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name != "user"}
        user_id = str(obj.user_id)
        if change:
            saved = services.update_address(
                actor_of(request), user_id, str(obj.pk), fields, expected_version=self.opened_version(request)
            )
        else:
            saved = services.add_address(actor_of(request), user_id, **fields)
        show_saved(obj, saved)

    def delete_model(self, request: HttpRequest, obj: UserAddress) -> None:
        services.delete_address(actor_of(request), str(obj.user_id), str(obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[UserAddress]) -> None:
        owners = {str(address.pk): str(address.user_id) for address in queryset}
        self.do_to_each(request, queryset, "deleted", lambda actor, pk: services.delete_address(actor, owners[pk], pk))


admin.site.unregister(Group)


@admin.register(Group)
class PermissionGroupAdmin(SelectedRowsAdmin, GroupAdmin, ModelAdmin):
    """Django's admin of groups, in the style of the other pages. Django's log is their history."""

    has_history = True
