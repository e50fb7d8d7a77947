variable "bucket_name" {
  description = "Name of the bucket for states. Bucket names are global."
  type        = string
}

variable "table_name" {
  description = "Name of the table for locks; null: the locks are in the bucket"
  type        = string
  default     = null
}

variable "region" {
  description = "Region of both; null: that of the credentials (AWS_REGION or the profile)"
  type        = string
  default     = null
}

variable "prefix" {
  description = "Prefix of states and locks in the bucket (backend.prefix)"
  type        = string
  default     = ""
}

variable "kms_key" {
  description = "ARN of the KMS key that encrypts the bucket; null: the key of S3"
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the bucket and the table"
  type        = map(string)
  default     = {}
}
