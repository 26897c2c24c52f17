"""FastAPI with SQLAlchemy's asynchronous ORM and asyncpg, served by uvicorn with uvloop and httptools."""

import os
from datetime import datetime
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ARRAY, DateTime, SmallInteger, select
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

HOST, PORT, NAME, USER = (os.environ[f"PEERS_DATABASE_{name}"] for name in ("HOST", "PORT", "NAME", "USER"))
engine = create_async_engine(
    URL.create("postgresql+asyncpg", username=USER, database=NAME),
    pool_size=16,
    connect_args={"host": HOST, "port": int(PORT)},
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True), list[int]: ARRAY(SmallInteger)}


class User(Base):
    __tablename__ = "users_user"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    display_name: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    phone: Mapped[str]
    avatar_url: Mapped[str]
    status: Mapped[int]
    roles: Mapped[list[int]]
    email_verified: Mapped[bool]
    phone_verified: Mapped[bool]
    last_login_at: Mapped[datetime | None]
    bio: Mapped[str]
    gender: Mapped[str]
    language: Mapped[str]
    currency: Mapped[str]
    timezone: Mapped[str]
    company: Mapped[str]
    website: Mapped[str]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    display_name: str
    first_name: str
    last_name: str
    phone: str
    avatar_url: str
    status: int
    roles: list[int]
    email_verified: bool
    phone_verified: bool
    last_login_at: datetime | None
    bio: str
    gender: str
    language: str
    currency: str
    timezone: str
    company: str
    website: str
    version: int
    created_at: datetime
    updated_at: datetime


application = FastAPI()


@application.get("/users/", response_model=list[UserOut])
async def list_users():
    async with sessions() as session:
        newest = select(User).order_by(User.created_at.desc(), User.id.desc()).limit(50)
        return (await session.scalars(newest)).all()


@application.get("/users/{user_id}/", response_model=UserOut)
async def get_user(user_id: UUID):
    async with sessions() as session:
        return await session.get(User, user_id)
