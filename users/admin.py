"""Users in the admin site: what people see and do there goes through the same services as the doors."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from changes.queries import history
from core import search
from core.errors import Failure
from users import services
from users.models import DEFAULTS, Role, User, UserAddress

WRITABLE = (
    "email", "display_name", "first_name", "last_name", "phone", "avatar_url", "status", "roles",
    "bio", "date_of_birth", "gender", "language", "currency", "timezone", "company", "website", "social_links",
)  # fmt: skip


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """The fields that UpdateUser may write."""

    roles = forms.TypedMultipleChoiceField(
        coerce=int, choices=Role.choices, widget=forms.CheckboxSelectMultiple, required=False, empty_value=[]
    )

    class Meta:
        model = User
        fields = WRITABLE


class RoleFilter(admin.SimpleListFilter):
    """Users that have a role among theirs."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(role.value), role.label) for role in Role]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        value = self.value()
        return queryset.filter(roles__contains=[int(value)]) if value and value.isdigit() else queryset


class AddressInline(admin.TabularInline):  # type: ignore[type-arg]
    """To look at: what is changed goes through the doors."""

    model = UserAddress
    fk_name = "user"
    fields: ClassVar[tuple[str, ...]] = (
        "label", "full_name", "line1", "city", "postal_code", "country_code", "type", *DEFAULTS,
    )  # fmt: skip
    readonly_fields = fields
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = UserForm
    list_display = ("email", "display_name", "status", "role_names", "is_staff", "created_at", "last_login_at")
    list_filter = ("status", RoleFilter, "is_staff", "is_service")
    search_fields = ("search_words",)
    search_help_text = "The beginnings of words in names and e-mail address."
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    readonly_fields = (
        "id", "number", "email_verified", "phone_verified", "last_login_at", "is_staff", "is_service",
        "version", "created_at", "created_by", "updated_at", "updated_by",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("email", "display_name", "first_name", "last_name", "phone", "avatar_url")}),
        ("Access", {"fields": ("status", "roles", "is_staff", "is_service", "email_verified", "phone_verified")}),
        ("Profile", {"classes": ("collapse",), "fields": WRITABLE[8:]}),
        ("Record", {"fields": ("id", "number", "version", "created_at", "created_by", "updated_at", "updated_by",
                               "last_login_at")}),
    )  # fmt: skip
    inlines = (AddressInline,)
    actions = ("deactivate", "reactivate")

    @admin.display(description="roles")
    def role_names(self, user: User) -> str:
        return ", ".join(role.label for role in user.named_roles)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        # A user who is not there yet has no record, and no number but what the database will say.
        return self.fieldsets if obj else self.fieldsets[:-1]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # What an account is, it is from the beginning.
        return [name for name in self.readonly_fields if obj or name != "is_service"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return User.objects.visible_to(request.user).select_related("created_by", "updated_by")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        pattern = search.pattern(search_term)
        return (queryset.filter(search.matches("search_words", pattern)) if pattern else queryset), False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name in WRITABLE}
        if change:
            saved = services.update_user(request.user, str(obj.pk), fields)
        else:
            create = services.create_service_account if form.cleaned_data["is_service"] else services.create_user
            saved = create(request.user, **fields)
        obj.__dict__.update(saved.__dict__)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        services.delete_user(request.user, str(obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            services.delete_user(request.user, str(user.pk))

    @admin.action(description="Deactivate the selected users", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, services.deactivate_user, "deactivated")

    @admin.action(description="Reactivate the selected users", permissions=["change"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, services.reactivate_user, "reactivated")

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_message(request, lambda: super(UserAdmin, self).changeform_view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_message(request, lambda: super(UserAdmin, self).delete_view(request, *args, **kwargs))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The user's changes, from the change log."""
        user = self.get_object(request, object_id)
        if user is None or not self.has_view_or_change_permission(request, user):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {user}",
            "opts": self.opts,
            "object": user,
            "changes": history("user", user.pk)[:200],
        }
        return TemplateResponse(request, "admin/users/user/changes.html", context)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Nothing: the change log has it."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Nothing: the change log has it."""

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Nothing: the change log has it."""

    def _each(
        self, request: HttpRequest, users: QuerySet[User], service: Callable[[Any, str], User], done: str
    ) -> None:
        count = 0
        for user in users:
            try:
                service(request.user, str(user.pk))
                count += 1
            except Failure as exc:
                self.message_user(request, f"{user}: {exc.message}", messages.ERROR)
        if count:
            self.message_user(request, f"{count} {done}.", messages.SUCCESS)

    def _or_message(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        """Shows a service's refusal on the page it came from."""
        try:
            return view()
        except Failure as exc:
            self.message_user(request, exc.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
