# The bucket for states and the table for locks, as `deployer backend create` makes them. Without a table the locks are in
# the bucket. A test compares the two.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = var.region
}

data "aws_partition" "current" {}

locals {
  prefix = trim(var.prefix, "/") == "" ? "" : "${trim(var.prefix, "/")}/"
}

resource "aws_s3_bucket" "state" {
  bucket = var.bucket_name
  tags   = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

# A deleted or damaged state can be restored.
resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    # Without it every read and write is a call to KMS.
    bucket_key_enabled = var.kms_key == null ? null : true

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key
    }
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket = aws_s3_bucket.state.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "state" {
  bucket = aws_s3_bucket.state.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "DeployerTLSOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource = [
        "arn:${data.aws_partition.current.partition}:s3:::${var.bucket_name}",
        "arn:${data.aws_partition.current.partition}:s3:::${var.bucket_name}/*",
      ]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # S3 answers 409 to a change of the policy while it changes the block.
  depends_on = [aws_s3_bucket_public_access_block.state]
}

# Locks in the bucket: each heartbeat leaves an old version. The locks themselves must stay, because they hold the fence
# that keeps a stale run from writing.
resource "aws_s3_bucket_lifecycle_configuration" "locks" {
  count  = var.table_name == null ? 1 : 0
  bucket = aws_s3_bucket.state.id

  rule {
    id     = "deployer ${local.prefix}locks/"
    status = "Enabled"

    filter {
      prefix = "${local.prefix}locks/"
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.state]
}

# No time to live: it would delete the fence that keeps a stale run from writing.
resource "aws_dynamodb_table" "locks" {
  count        = var.table_name == null ? 0 : 1
  name         = var.table_name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "lockKey"
  tags         = var.tags

  attribute {
    name = "lockKey"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}
